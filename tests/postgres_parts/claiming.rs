//! One job by its id, and what workers are told.

use std::time::Duration;

use queue::drivers::{Driver, Due, Extra, NewJob, Renewed, Settled, Settlement, Told, WorkerId, WorkerRow};
use queue::job::Outcome;
use queue::{ErrorKind, JobState};

use super::tables::{LEASE, Tables, id, worker};

#[tokio::test]
async fn a_job_that_waits_is_claimed_whatever_it_waits_for() {
    for tables in Tables::both().await {
        let (plain, late) = (NewJob::new("Common", "mail", b"{\"n\":1}"), Duration::from_secs(3_600));
        let scheduled = NewJob { due: Due::In(late), ..NewJob::new("Common", "mail", b"{}") };
        let held =
            NewJob { extra: Some(Box::new(Extra { held: true, ..Extra::default() })), ..NewJob::new("Common", "mail", b"{}") };
        let [available, due, holds] = [&plain, &scheduled, &held].map(|job| job.id);
        tables.push(vec![plain, scheduled, held]).await;
        tables.inside().pause("mail").await.unwrap();
        let me = WorkerId::now_v7();
        for (job, attempt) in [(available, 1), (due, 1), (due, 2)] {
            let delivery = tables.inside().claim(job, me, LEASE).await.unwrap();
            assert_eq!((delivery.lease.id, delivery.attempt, delivery.lease.token), (job, attempt, u64::from(attempt)));
            assert_eq!((&*delivery.kind, &*delivery.queue), ("Common", "mail"));
            let row = tables.inside().job(job).await.unwrap().unwrap();
            assert_eq!((row.state, row.worker, row.attempt), (JobState::Running, Some(me.to_string()), attempt));
            assert!(row.started_at.is_some());
            let error = tables.inside().claim(job, me, LEASE).await.unwrap_err();
            assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("is running"), "{error}");
            if (job, attempt) == (due, 1) {
                // It is tried again later, and claimed before.
                let retry = Outcome::Retry { delay: late, error: "once more".to_owned() };
                assert_eq!(tables.driver.settle(&[Settlement::new(delivery.lease, retry)]).await.unwrap(), [Settled::Stored]);
                assert_eq!(tables.inside().job(due).await.unwrap().unwrap().state, JobState::Retryable);
            } else {
                let done = Settlement::new(delivery.lease, Outcome::Complete);
                assert_eq!(tables.driver.settle(&[done]).await.unwrap(), [Settled::Stored]);
            }
        }
        for (job, kind, said) in [
            (available, ErrorKind::Conflict, "is completed, and only a scheduled, available, retryable, failed or cancelled job"),
            (holds, ErrorKind::Conflict, "is held"),
            (id(7), ErrorKind::NotFound, "there is no job"),
        ] {
            let error = tables.inside().claim(job, me, LEASE).await.unwrap_err();
            assert!(error.kind() == kind && error.to_string().contains(said), "{error}");
        }
        for state in JobState::ALL {
            let expected = match state {
                JobState::Completed => 2,
                JobState::Held => 1,
                _ => 0,
            };
            assert_eq!(tables.count_of(state).await, expected, "{state}");
        }
    }
}

#[tokio::test]
async fn a_job_that_has_ended_is_retried_with_its_claim() {
    for mut tables in Tables::both().await {
        let jobs = [(); 2].map(|()| NewJob { max_attempts: 2, ..NewJob::new("Common", "mail", b"{}").with_unique_key("one") });
        let me = WorkerId::now_v7();
        for job in &jobs {
            // The second of them takes the key of the first, which has failed by then.
            tables.push(vec![job.clone()]).await;
            let lease = tables.inside().claim(job.id, me, LEASE).await.unwrap().lease;
            let failed = Settlement::new(lease, Outcome::Fail { error: "no".to_owned() });
            assert_eq!(tables.driver.settle(&[failed]).await.unwrap(), [Settled::Stored]);
        }
        let [first, second] = jobs.map(|job| job.id);
        let delivery = tables.inside().claim(first, me, LEASE).await.unwrap();
        assert_eq!((delivery.attempt, delivery.max_attempts, delivery.lease.token), (2, 4, 2));
        let row = tables.inside().job(first).await.unwrap().unwrap();
        assert_eq!((row.state, row.errors.len(), row.unique_key.as_deref()), (JobState::Running, 1, Some("Common:one")));
        let error = tables.inside().claim(second, me, LEASE).await.unwrap_err();
        let said = format!("job {second} cannot be retried while job {first} has its unique key `Common:one`");
        assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains(&said), "{error}");
        for (state, expected) in [(JobState::Available, 0), (JobState::Running, 1), (JobState::Failed, 1)] {
            assert_eq!(tables.count_of(state).await, expected, "{state}");
        }

        // What the claim cannot do is not half done.
        tables.run(&format!("UPDATE queue_jobs SET state = 'available' WHERE id = '{first}'")).await;
        tables.run("ALTER TABLE queue_jobs ADD CHECK (state <> 'running')").await;
        tables.run(&format!("UPDATE queue_ended SET unique_key = NULL WHERE id = '{second}'")).await;
        assert_eq!(tables.inside().claim(second, me, LEASE).await.unwrap_err().kind(), ErrorKind::Store);
        let row = tables.inside().job(second).await.unwrap().unwrap();
        assert_eq!((row.state, row.attempt, row.max_attempts), (JobState::Failed, 1, 2));
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_when_it_is_claimed() {
    for mut tables in Tables::both().await {
        let job = NewJob::new("Common", "mail", b"{}");
        let id = job.id;
        tables.push(vec![job]).await;
        tables.run("UPDATE queue_jobs SET token = -9").await;
        let error = tables.inside().claim(id, WorkerId::now_v7(), LEASE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        let row = tables.inside().job(id).await.unwrap().unwrap();
        assert!(row.state == JobState::Failed && row.errors[0].message.contains("cannot be read"), "{row:?}");
    }
}

async fn renew(tables: &Tables, worker: &WorkerRow) -> Renewed {
    tables.driver.renew(worker, &[]).await.unwrap()
}

#[tokio::test]
async fn workers_show_their_kinds_and_heed_what_they_are_told() {
    for mut tables in Tables::both().await {
        let [one, two, dead] = [(); 3].map(|()| worker(WorkerId::now_v7()));
        for worker in [&one, &two, &dead] {
            assert_eq!(renew(&tables, worker).await.told, None);
        }
        tables.run(&format!("UPDATE queue_workers SET seen_at = seen_at - 31000000 WHERE id = '{}'", dead.id)).await;
        let seen = tables.inside().workers().await.unwrap();
        assert!(seen.len() == 3 && seen.iter().all(|row| row.kinds == one.kinds));
        assert_eq!(tables.inside().tell(Told::Quiet, &[]).await.unwrap(), 2, "one is dead");
        assert_eq!(tables.inside().tell(Told::Restart, &[two.id, WorkerId::now_v7()]).await.unwrap(), 1);
        let other = WorkerRow { kinds: Vec::new(), ..one.clone() };
        let told =
            [renew(&tables, &other).await, renew(&tables, &two).await, renew(&tables, &dead).await].map(|renewed| renewed.told);
        assert_eq!(told, [Some(Told::Quiet), Some(Told::Restart), None]);
        let seen = tables.inside().workers().await.unwrap();
        assert!(seen.iter().all(|row| row.kinds.is_empty() == (row.id == one.id)));
    }
}
