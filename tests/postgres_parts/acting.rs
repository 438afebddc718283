//! What is done to many jobs at once is what is done to one, and others are told of it.

use std::collections::BTreeSet;

use queue::drivers::{Action, Driver, Extra, FetchRequest, NewJob, QueueRequest, WorkerId};
use queue::job::{Filter, Outcome};
use queue::{ErrorKind, JobId, JobState};
use queue_tests::probe::PATIENCE;
use sqlx::postgres::PgListener;

use super::tables::{LEASE, Tables, id};

fn jobs(count: usize) -> Vec<NewJob> {
    (0..count).map(|_| NewJob::new("Common", "mail", b"{}")).collect()
}

fn keyed(key: &str) -> NewJob {
    let extra = Extra { unique_key: Some(key.to_owned()), ..Extra::default() };
    NewJob { extra: Some(Box::new(extra)), ..NewJob::new("Common", "mail", b"{}") }
}

fn request(free: usize) -> FetchRequest {
    let queues = vec![QueueRequest { queue: "mail".into(), free, ahead: 0 }];
    FetchRequest { worker: WorkerId::now_v7(), lease: LEASE, queues, except: Vec::new() }
}

impl Tables {
    async fn act(&self, action: Action, ids: &[JobId]) -> Vec<Result<JobState, (ErrorKind, String)>> {
        let answers = self.inside().act(action, ids).await.unwrap();
        answers.into_iter().map(|answer| answer.map_err(|error| (error.kind(), error.to_string()))).collect()
    }

    /// What is counted in each state.
    async fn counts(&self) -> Vec<(JobState, u64)> {
        let mut counts = Vec::new();
        for state in JobState::ALL {
            counts.push((state, self.count_of(state).await));
        }
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

#[tokio::test]
async fn more_than_a_thousand_are_cancelled_retried_and_forgotten() {
    for tables in Tables::both().await {
        let jobs = jobs(1_200);
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        tables.push(jobs).await;
        let all = |state| vec![Ok(state); 1_200];
        assert_eq!(tables.act(Action::Cancel, &ids).await, all(JobState::Cancelled));
        assert_eq!(tables.counts().await, [(JobState::Cancelled, 1_200)]);
        assert_eq!(tables.act(Action::Retry, &ids).await, all(JobState::Available));
        assert_eq!(tables.counts().await, [(JobState::Available, 1_200)]);
        let running = tables.driver.fetch(&request(1_100)).await.unwrap();
        assert_eq!(running.len(), 1_100);
        let answers = tables.act(Action::Cancel, &ids).await;
        let is_running = |id: &JobId| running.iter().any(|delivery| delivery.lease.id == *id);
        let expected = ids.iter().map(|id| Ok(if is_running(id) { JobState::Running } else { JobState::Cancelled }));
        assert!(answers.into_iter().eq(expected));
        assert_eq!(tables.counts().await, [(JobState::Running, 1_100), (JobState::Cancelled, 100)]);
        let settlements =
            running.iter().map(|delivery| queue::drivers::Settlement::new(delivery.lease, Outcome::Cancel { reason: None }));
        tables.driver.settle(&settlements.collect::<Vec<_>>()).await.unwrap();
        let mut some = ids.clone();
        some.insert(700, id(7));
        let mut answers = tables.act(Action::Forget, &some).await;
        assert_eq!(answers.remove(700).unwrap_err().0, ErrorKind::NotFound);
        assert_eq!(answers, all(JobState::Cancelled));
        assert_eq!(tables.counts().await, []);
        assert!(tables.inside().jobs(&Filter::new()).await.unwrap().jobs.is_empty());
    }
}

#[tokio::test]
async fn each_that_is_not_done_is_explained_as_it_is_to_one() {
    for tables in Tables::both().await {
        let jobs = jobs(3);
        let [waits, ended, again] = [0, 1, 2].map(|place: usize| jobs[place].id);
        tables.push(jobs).await;
        tables.inside().cancel(ended).await.unwrap();
        // One that is named twice meets what was done to it before.
        let ids = [id(7), ended, again, waits, again];
        let answers = tables.act(Action::Cancel, &ids).await;
        let told = |error: queue::Error| Err((error.kind(), error.to_string()));
        let alone = async |id| told(tables.inside().cancel(id).await.unwrap_err());
        assert_eq!(answers[0], alone(id(7)).await);
        assert_eq!(answers[1], alone(ended).await);
        assert!(
            matches!(&answers[1], Err((ErrorKind::Conflict, text)) if text.contains("is cancelled, and only a job that has not ended"))
        );
        assert_eq!(answers[2..], [Ok(JobState::Cancelled), Ok(JobState::Cancelled), alone(again).await]);
        tables.inside().retry(waits).await.unwrap();
        for (action, text) in [(Action::Retry, "only a failed or cancelled job"), (Action::Forget, "only a job that has ended")] {
            let answers = tables.act(action, &[waits, id(7)]).await;
            assert!(
                matches!(&answers[0], Err((ErrorKind::Conflict, said)) if said.contains("is available") && said.contains(text))
            );
            assert!(matches!(&answers[1], Err((ErrorKind::NotFound, _))));
        }
        assert_eq!(tables.act(Action::Forget, &[]).await, []);
    }
}

#[tokio::test]
async fn of_two_that_are_retried_with_one_key_the_first_has_it() {
    for mut tables in Tables::both().await {
        let (one, two) = (keyed("Common:7"), keyed("Common:7"));
        let (first, second) = (one.id, two.id);
        tables.push(vec![one]).await;
        tables.inside().cancel(first).await.unwrap();
        tables.push(vec![two]).await;
        tables.inside().cancel(second).await.unwrap();
        // The greater id is named first.
        let answers = tables.act(Action::Retry, &[second, first]).await;
        assert_eq!(answers[0], Ok(JobState::Available));
        let (kind, text) = answers[1].clone().unwrap_err();
        assert!(kind == ErrorKind::Conflict && text.contains(&second.to_string()) && text.contains("`Common:7`"), "{text}");
        assert_eq!(tables.counts().await, [(JobState::Available, 1), (JobState::Cancelled, 1)]);
        let retried = tables.inside().retry_all(&Filter::new().state(JobState::Cancelled)).await.unwrap();
        assert_eq!((retried.retried, retried.refused), (0, vec![first]));
        // A row that a stranger broke is the affair of nobody else.
        tables.run("UPDATE queue_jobs SET state = 'pondering'").await;
        let answers = tables.act(Action::Retry, &[second, id(7)]).await;
        assert!(
            matches!(&answers[0], Err((ErrorKind::Store, _))) && matches!(&answers[1], Err((ErrorKind::NotFound, _))),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn all_that_fit_are_retried_page_by_page() {
    for mut tables in Tables::both().await {
        tables.fill_ended(1_300, "n", "failed").await;
        tables
            .run("UPDATE queue_ended SET payload = '{\"n\":1}', errors = ARRAY['[1,5,\"no mailbox\"]'] WHERE finished_at % 2 = 0")
            .await;
        let mut filter = Filter::new();
        filter.errors = vec!["MAILBOX".to_owned()];
        filter.args = vec![queue::job::filter::ArgIs::new(["n"], ["1"])];
        filter.not_queues = vec!["other".to_owned()];
        filter.ids = (1..=1_299).map(id).collect();
        assert_eq!(tables.inside().retry_all(&filter).await.unwrap().retried, 649);
        assert_eq!(tables.inside().retry_all(&Filter::new().newest_first()).await.unwrap().retried, 651);
        let left = tables.inside().count(&Filter::new().state(JobState::Available), 10_000).await.unwrap();
        assert_eq!((left.jobs, left.is_all), (1_300, true));
    }
}

#[tokio::test]
async fn others_are_told_of_each_that_runs_and_once_of_a_queue() {
    let Some(tables) = Tables::one().await else { return };
    let mut listener = PgListener::connect(tables.schema.plain_url()).await.unwrap();
    listener.listen(&format!("queue_{}", tables.schema.name())).await.unwrap();
    let mut heard = async |until: &str| {
        let mut texts = Vec::new();
        loop {
            let told = tokio::time::timeout(PATIENCE, listener.recv()).await.expect("something is told").unwrap();
            let text = told.payload().to_owned();
            let is_last = text.contains(until);
            texts.push(text);
            if is_last {
                return texts;
            }
        }
    };
    let jobs = jobs(40);
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    tables.push(jobs).await;
    heard("work").await;
    let running = tables.driver.fetch(&request(10)).await.unwrap();
    tables.act(Action::Cancel, &ids).await;
    tables.inside().pause("mail").await.unwrap();
    let told: BTreeSet<String> = heard("pause").await.into_iter().filter(|text| text.starts_with("cancel")).collect();
    assert_eq!(told.len(), 10);
    assert!(running.iter().all(|delivery| told.iter().any(|text| text.ends_with(&delivery.lease.id.to_string()))));
    let waiting: Vec<JobId> = ids.into_iter().filter(|id| !running.iter().any(|delivery| delivery.lease.id == *id)).collect();
    // The second is told of when the first was a moment ago, so a little later; but it is.
    for half in waiting.chunks(15) {
        assert_eq!(tables.act(Action::Retry, half).await, vec![Ok(JobState::Available); 15]);
        let told = heard("work").await;
        assert_eq!(told.len(), 1, "{told:?}");
    }
    // Of each half once: the next that is told is not of work.
    tables.inside().resume("mail").await.unwrap();
    assert_eq!(heard("pause").await.len(), 1);
}
