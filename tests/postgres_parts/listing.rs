//! Looking for jobs among many: no look goes over more than so many rows, and nothing is left out by that.

use std::time::{Duration, SystemTime};

use queue::drivers::Page;
use queue::job::filter::ArgIs;
use queue::job::{Filter, JobRow};
use queue::{JobId, JobState};

use super::tables::{Tables, WAITING, id};

fn ids(page: &Page) -> Vec<u128> {
    page.jobs.iter().map(|job| job.id.as_u128()).collect()
}

/// Page by page to the end.
async fn walk(tables: &Tables, filter: &Filter) -> Vec<Page> {
    let mut filter = filter.clone();
    let mut pages = Vec::new();
    loop {
        let page = tables.inside().jobs(&filter).await.unwrap();
        let next = page.next;
        pages.push(page);
        let Some(next) = next else { return pages };
        filter = filter.after(next);
    }
}

#[tokio::test]
async fn a_look_ends_after_so_many_rows_of_a_table_and_the_next_one_goes_on_there() {
    for mut tables in Tables::both().await {
        // Even ids wait, odd ones have ended.
        tables.fill(25_000, "n * 2", WAITING).await;
        tables.fill_ended(15_000, "n * 2 - 1", "completed").await;
        tables.run("UPDATE queue_jobs SET kind = 'Rare' WHERE id = lpad(to_hex(48000), 32, '0')::uuid").await;
        tables.run("UPDATE queue_ended SET kind = 'Rare' WHERE id = lpad(to_hex(25001), 32, '0')::uuid").await;
        let rare = Filter::new().kind("Rare").limit(20);
        let looks: Vec<_> = walk(&tables, &rare).await.iter().map(|page| (ids(page), page.next)).collect();
        // The first look reaches 20,000 of those that wait, and 19,999 of those that ended: behind that nothing is known.
        assert_eq!(looks, [(vec![], Some(id(19_999))), (vec![25_001], Some(id(39_998))), (vec![48_000], None)]);
        let looks: Vec<_> = walk(&tables, &rare.clone().newest_first()).await.iter().map(|page| (ids(page), page.next)).collect();
        assert_eq!(looks, [(vec![48_000], Some(id(30_002))), (vec![25_001], Some(id(10_002))), (vec![], None)]);
        // A page that is full earlier looks no further.
        let page = tables.inside().jobs(&Filter::new().limit(3)).await.unwrap();
        assert_eq!((ids(&page), page.next), (vec![1, 2, 3], Some(id(3))));
        // Nothing twice and nothing left out.
        let all: Vec<u128> = walk(&tables, &Filter::new().limit(1_000)).await.iter().flat_map(ids).collect();
        assert!(all.len() == 40_000 && all.is_sorted_by(|one, next| one < next));
        let count = tables.inside().count(&rare, 1_000).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (2, true));
        let count = tables.inside().count(&Filter::new(), 100_000).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (40_000, true), "none twice, where the look at one table reaches further");
    }
}

#[tokio::test]
async fn a_count_ends_after_ten_looks_and_where_enough_are_counted() {
    for mut tables in Tables::both().await {
        tables.fill(120_000, "n", WAITING).await;
        let count = tables.inside().count(&Filter::new().kind("Rare"), 5).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (0, false));
        let count = tables.inside().count(&Filter::new(), u64::MAX).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (100_000, false));
        let count = tables.inside().count(&Filter::new().kind("Common").limit(1).after(id(7)), 10_001).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (20_000, false), "its page does not count");
        let rest =
            tables.inside().count(&Filter::new().not_kinds(["Rare"]).ids((119_000..200_000).map(id)), 9_000).await.unwrap();
        assert_eq!((rest.jobs, rest.is_all), (1_001, true), "nine looks at so many ids each");
        // What the database cannot say is looked at here, and so in shorter looks.
        let mut odd = Filter::new();
        odd.args.push(ArgIs::new(["n"], ["1"]));
        let count = tables.inside().count(&odd, 5).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (0, false));
        let page = tables.inside().jobs(&odd).await.unwrap();
        assert_eq!((ids(&page), page.next), (vec![], Some(id(10_000))));
    }
}

/// What a filter has no word for yet.
trait More {
    fn ids(self, ids: impl IntoIterator<Item = JobId>) -> Self;
    fn not_kinds<const N: usize>(self, kinds: [&str; N]) -> Self;
}

impl More for Filter {
    fn ids(mut self, ids: impl IntoIterator<Item = JobId>) -> Self {
        self.ids.extend(ids);
        self
    }

    fn not_kinds<const N: usize>(mut self, kinds: [&str; N]) -> Self {
        self.not_kinds.extend(kinds.map(str::to_owned));
        self
    }
}

#[tokio::test]
async fn the_few_that_run_or_failed_are_not_looked_for_among_the_others() {
    for mut tables in Tables::both().await {
        tables.fill(30_000, "n", WAITING).await;
        tables.fill_ended(30_000, "n + 100000", "completed").await;
        tables.run("UPDATE queue_jobs SET state = 'running' WHERE lease_expires_at IN (10, 15000, 29999)").await;
        tables.run("UPDATE queue_ended SET state = 'failed' WHERE finished_at IN (20, 15000, 29999)").await;
        tables.run("UPDATE queue_ended SET state = 'cancelled' WHERE finished_at IN (21, 15001)").await;
        let running = Filter::new().state(JobState::Running);
        let failed = Filter::new().state(JobState::Failed);
        let both = failed.clone().state(JobState::Cancelled);
        for (filter, expected) in [
            (running.clone(), vec![10, 15_000, 29_999]),
            (failed, vec![100_020, 115_000, 129_999]),
            (both, vec![100_020, 100_021, 115_000, 115_001, 129_999]),
        ] {
            let page = tables.inside().jobs(&filter).await.unwrap();
            assert_eq!((ids(&page), page.next), (expected.clone(), None), "{filter:?}");
            let page = tables.inside().jobs(&filter.clone().newest_first()).await.unwrap();
            assert_eq!((ids(&page), page.next), (expected.iter().rev().copied().collect(), None), "{filter:?}");
            let short = walk(&tables, &filter.clone().limit(2)).await;
            assert_eq!(short.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{filter:?}");
            let count = tables.inside().count(&filter, 1_000).await.unwrap();
            assert_eq!((count.jobs, count.is_all), (expected.len() as u64, true), "{filter:?}");
        }
        // More run than one look goes over: they are found among all.
        tables.run("UPDATE queue_jobs SET state = 'running' WHERE lease_expires_at > 18000").await;
        tables.run("UPDATE queue_jobs SET kind = 'Rare' WHERE lease_expires_at IN (5, 15000, 29999)").await;
        let all: Vec<u128> = walk(&tables, &running.clone().limit(1_000)).await.iter().flat_map(ids).collect();
        assert_eq!((all.len(), all[0], all[1], all[2]), (12_002, 10, 15_000, 18_001));
        let rare: Vec<u128> = walk(&tables, &running.clone().kind("Rare")).await.iter().flat_map(ids).collect();
        assert_eq!(rare, [15_000, 29_999]);
        let count = tables.inside().count(&running, 100_000).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (12_002, true));
    }
}

#[tokio::test]
async fn jobs_whose_ids_are_named_are_looked_up() {
    for mut tables in Tables::both().await {
        tables.fill(20, "n * 2", WAITING).await;
        tables.fill_ended(20, "n * 2 - 1", "completed").await;
        let named = Filter::new().ids([9, 4, 77, 3, 9, 12].map(id));
        for (filter, expected) in [
            (named.clone(), vec![3, 4, 9, 12]),
            (named.clone().newest_first(), vec![12, 9, 4, 3]),
            (named.clone().after(id(4)), vec![9, 12]),
            (named.clone().newest_first().after(id(4)), vec![3]),
            (named.clone().state(JobState::Completed), vec![3, 9]),
            (named.clone().kind("Rare"), vec![]),
        ] {
            let page = tables.inside().jobs(&filter).await.unwrap();
            assert_eq!((ids(&page), page.next), (expected, None), "{filter:?}");
        }
        let pages = walk(&tables, &named.clone().limit(3)).await;
        assert_eq!(pages.iter().map(ids).collect::<Vec<_>>(), [vec![3, 4, 9], vec![12]]);
        let count = tables.inside().count(&named, 1_000).await.unwrap();
        assert_eq!((count.jobs, count.is_all), (4, true));
    }
}

/// Jobs of which no two are alike, in every state.
const VARIED: &str = "
    INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload, tags, errors)
    SELECT rpad(lpad(to_hex(n), 12, '0'), 32, '0')::uuid, 'Kind' || n % 3, 1, 'queue' || n % 4,
        (ARRAY['held', 'scheduled', 'available', 'running', 'retryable'])[n % 5 + 1], 100, 1, 3, 3, 1, '{\"n\":' || n % 6 || ',\"who\":{\"id\":\"é' || n % 5 || '\"}}',
        CASE WHEN n % 3 > 0 THEN ARRAY['tag' || n % 3, 'all'] END, CASE WHEN n % 2 = 0 THEN ARRAY['[1,5,\"first\"]', '[2,6,\"No Mailbox ' || n % 4 || '\"]'] END
    FROM generate_series(1, 120) AS n";

#[tokio::test]
async fn a_page_has_what_fits_and_a_count_as_many() {
    for mut tables in Tables::both().await {
        tables.run(VARIED).await;
        tables
            .run(
                "WITH gone AS (DELETE FROM queue_jobs WHERE get_byte(uuid_send(id), 5) % 2 = 0 RETURNING *)
                 INSERT INTO queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
                     finished_at, payload, tags, errors)
                 SELECT id, kind, version, queue, (ARRAY['completed', 'failed', 'cancelled'])[get_byte(uuid_send(id), 5) % 3 + 1], priority, due_at, 1, 3, 3, 0, 1, 1, 1,
                     payload, tags, errors FROM gone",
            )
            .await;
        let all: Vec<JobRow> = walk(&tables, &Filter::new()).await.into_iter().flat_map(|page| page.jobs).collect();
        assert_eq!(all.len(), 120);
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let mut filters = vec![
            Filter::new().kind("Kind1").tag("tag1"),
            Filter::new().queue("queue2").queue("queue3").state(JobState::Failed).state(JobState::Running),
            Filter::new().not_kinds(["Kind0", "Kind2"]),
            Filter::new().state(JobState::Cancelled).state(JobState::Failed).queue("queue2"),
            Filter::new().state(JobState::Running),
            Filter::new().kind("with \0 NUL"),
            Filter::new().not_kinds(["with \0 NUL"]),
        ];
        let mut add = |change: fn(&mut Filter)| {
            let mut filter = Filter::new();
            change(&mut filter);
            filters.push(filter);
        };
        add(|filter| filter.not_queues = vec!["queue0".into(), "queue1".into()]);
        add(|filter| filter.not_tags = vec!["tag1".into()]);
        add(|filter| filter.errors = vec!["mailbox 2".into(), "first".into()]);
        add(|filter| filter.args = vec![ArgIs::new(["n"], ["2", "3"]), ArgIs::new(["who", "id"], ["é1", "é3"])]);
        let mut timed = Filter::new();
        (timed.since, timed.until) = (Some(at(17)), Some(at(44)));
        filters.push(timed.clone().not_kinds(["Kind1"]));
        (timed.since, timed.until) = (Some(at(44)), Some(at(17)));
        filters.push(timed);
        for filter in filters {
            let mut expected: Vec<JobId> = all.iter().filter(|row| filter.fits(row)).map(|row| row.id).collect();
            let count = tables.inside().count(&filter, 1_000).await.unwrap();
            assert_eq!((count.jobs, count.is_all), (expected.len() as u64, true), "{filter:?}");
            for filter in [filter.clone().limit(7), filter.limit(7).newest_first()] {
                let pages = walk(&tables, &filter).await;
                let found: Vec<JobId> = pages.iter().flat_map(|page| &page.jobs).map(|row| row.id).collect();
                assert_eq!(found, expected, "{filter:?}");
                expected.reverse();
            }
        }
    }
}

#[tokio::test]
async fn a_row_that_a_stranger_broke_takes_nobodys_place_in_a_page() {
    for mut tables in Tables::both().await {
        tables.fill(30, "n", WAITING).await;
        tables.run("UPDATE queue_jobs SET state = 'pondering' WHERE lease_expires_at BETWEEN 3 AND 20").await;
        let page = tables.inside().jobs(&Filter::new().limit(4)).await.unwrap();
        assert_eq!((ids(&page), page.next), (vec![1, 2, 21, 22], Some(id(22))));
        let page = tables.inside().jobs(&Filter::new().ids((1..30).map(id)).limit(4).newest_first().after(id(23))).await.unwrap();
        assert_eq!((ids(&page), page.next), (vec![22, 21, 2, 1], Some(id(1))));
    }
}
