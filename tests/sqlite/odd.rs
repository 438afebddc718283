//! Names and texts of every kind, and rows of every size.

use queue::JobId;
use queue::drivers::{Driver as _, Except, Extra, FetchRequest, Group, NewJob, Pushed, Renewal, Tick, WorkerRow};
use queue::job::{Filter, Outcome, Progress};

use crate::store::{LEASE, Place, Verbs, job, request_of, run, worker};

const NAMES: [&str; 12] = [
    "'; DROP TABLE queue_jobs; --",
    "\"quoted\" 'names'",
    "back\\slash",
    "%_like_%",
    "new\nline\r\ttab",
    "\u{1b}[31mred\u{7f}",
    "nul\0inside",
    "\0",
    "\u{202e}right to left",
    "\u{1f980}\u{fe0f}",
    "\u{ffff}",
    "?1 :name @name $name /* row */ x /* end of row */",
];

/// Names of every kind come back as they went in, from every column and through every statement.
#[tokio::test]
async fn odd_names_and_texts_come_back_as_they_were() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    for name in NAMES {
        let extra = || Extra {
            unique_key: Some(name.to_owned()),
            tags: vec![name.to_owned()],
            meta: [(name.to_owned(), name.into())].into_iter().collect(),
            held: false,
        };
        let payload = serde_json::to_vec(&[name]).unwrap();
        let odd = NewJob { kind: name.into(), queue: name.into(), payload: payload.into(), extra: Some(extra().into()), ..job() };
        driver.store(vec![odd.clone(), NewJob { extra: None, id: JobId::new(), ..odd.clone() }]).await;
        driver.store(vec![NewJob { extra: None, id: JobId::new(), ..odd.clone() }]).await;
        let again = driver.store(vec![NewJob { id: JobId::new(), ..odd.clone() }]).await;
        assert_eq!(again, [Pushed::duplicate_of(odd.id)], "{name:?}");
        let filter = Filter::new().queue(name).kind(name).tag(name);
        assert_eq!(driver.inside().jobs(&filter).await.unwrap().jobs.len(), 1, "{name:?}");
        driver.inside().pause(name).await.unwrap();
        assert!(driver.fetch(&request_of(&[name], 9)).await.unwrap().is_empty(), "{name:?}");
        driver.inside().resume(name).await.unwrap();

        let tick = Tick { entry: name.into(), at: std::time::UNIX_EPOCH };
        let group = |id| Group { jobs: vec![NewJob { id, extra: None, ..odd.clone() }], tick: Some(tick.clone()) };
        let pushed = driver.push(&[group(JobId::new()), group(JobId::new())]).await;
        assert_eq!(pushed.into_iter().map(|group| group.unwrap().len()).collect::<Vec<_>>(), [1, 0], "{name:?}");

        let left = FetchRequest { except: vec![Except { kind: name.into(), from_version: None }], ..request_of(&[name], 9) };
        assert!(driver.fetch(&left).await.unwrap().is_empty(), "{name:?}");
        let taken = driver.fetch(&request_of(&[name], 9)).await.unwrap();
        assert_eq!(taken.len(), 4, "{name:?}");
        assert!(taken.iter().all(|one| *one.kind == *name && *one.queue == *name && *one.payload == *odd.payload), "{name:?}");
        let progress = Progress::new(50, name);
        let renewals = [Renewal { lease: taken[0].lease, progress: Some(progress.clone()) }];
        let row = WorkerRow { name: name.to_owned(), host: name.to_owned(), queues: vec![(name.into(), 3)], ..worker() };
        driver.renew(&row, &renewals).await.unwrap();
        driver.end(&taken, Outcome::Fail { error: name.to_owned() }).await;
        let row = driver.look(odd.id).await.unwrap();
        assert_eq!((&*row.kind, &*row.queue, &row.tags[..]), (name, name, &[name.to_owned()][..]));
        assert_eq!((row.meta[name].as_str(), &*row.errors[0].message), (Some(name), name));
        assert_eq!(driver.look(taken[0].lease.id).await.unwrap().progress, Some(progress));
        let row = driver.inside().workers().await.unwrap().remove(0);
        assert_eq!((&*row.name, &*row.host, &*row.queues[0].0), (name, name, name));
        crate::counting::check(&driver, &mut stranger, name).await;
    }
    assert_eq!(driver.inside().counts().await.unwrap().queues.len(), NAMES.len());
}

/// A row as large as the largest that a push takes, and one that a stranger made larger.
#[tokio::test]
async fn huge_rows_come_as_they_are() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let huge = NewJob { payload: format!("\"{}\"", "x".repeat((1 << 20) - 2)).into_bytes().into(), ..job() };
    driver.store(vec![huge.clone(), job()]).await;
    run(&mut stranger, "UPDATE queue_jobs SET errors = json_array(json_array(1, 1, printf('%.*c', 1000000, 'x')))").await;
    let taken = driver.take(2).await;
    assert_eq!(taken[0].payload, huge.payload);
    driver.end(&taken, Outcome::Retry { delay: LEASE, error: "y".repeat(1 << 20) }).await;
    assert_eq!(driver.look(huge.id).await.unwrap().errors.len(), 2);
    run(&mut stranger, "UPDATE queue_jobs SET payload = zeroblob(64000000), state = 'available'").await;
    assert_eq!(driver.take(2).await.len(), 2);
}
