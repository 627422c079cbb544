use super::*;

#[test]
fn a_job_is_taken_once_comes_back_when_it_failed_and_has_one_key() {
    let (_folder, store) = fresh();
    let due = NOW.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    let job = store
        .write_blocking(move |tx| {
            tx.put_job("report", "{}", Some("report today"), due)?;
            tx.put_job("report", "{}", Some("report today"), due)?;
            let job = tx.take_job()?.unwrap();
            assert_eq!(tx.take_job()?, None);
            tx.fail_job(job.id, "no paper", due)?;
            tx.take_job()
        })
        .unwrap()
        .unwrap();
    assert_eq!((job.name.as_str(), job.attempts), ("report", 1));
    store.write_blocking(move |tx| tx.finish_job(job.id)).unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM job"), 0);
}
