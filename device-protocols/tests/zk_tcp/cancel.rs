use super::*;

/// Polls a future this many times and drops it if it is not done then.
async fn cut_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

async fn until_enabled(sim: &SimClock) {
    let enabled = async {
        while !sim.is_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), enabled).await.expect("the clock is never enabled again");
}

/// The sim locks for an hour here, so only an ENABLE can free it within the test.
fn locking() -> ClientOptions {
    ClientOptions { hold: Hold::Locked { seconds: 3_600 }, ..options() }
}

#[tokio::test]
async fn a_read_dropped_at_any_moment_leaves_the_clock_enabled_and_the_client_usable() {
    let mut config = config("40", 5_000);
    config.faults.transfer = Transfer::Pieces;
    let (sim, server) = start(config).await;
    let mut cut = 0;
    for polls in 0.. {
        let mut client = Client::connect(server.address(), locking()).await.unwrap();
        if cut_after(polls, read_log(&mut client)).await.is_some() {
            break;
        }
        cut += 1;
        // The same session goes on: first asks something, then reads the whole log.
        client.time().await.unwrap().unwrap();
        until_enabled(&sim).await;
        if polls % 5 == 0 {
            assert_eq!(read_log(&mut client).await.unwrap().0.len(), 5_000);
        }
        client.close().await.unwrap();
    }
    assert!(cut > 5, "the read was cut only {cut} times");
    assert!(sim.tally().locks() > 5);
}

#[tokio::test]
async fn a_client_dropped_at_any_moment_leaves_the_clock_enabled() {
    let (sim, server) = start(config("40", 5_000)).await;
    for polls in 0.. {
        let whole = async {
            let mut client = Client::connect(server.address(), locking()).await.unwrap();
            read_log(&mut client).await.unwrap()
        };
        let done = cut_after(polls, whole).await.is_some();
        // A lock that is still on its way comes before the ENABLE that follows it.
        until_enabled(&sim).await;
        if done {
            break;
        }
    }
    assert!(sim.tally().locks() > 3);
    // Once all connections are gone nothing locks it again.
    until_enabled(&sim).await;
}

#[tokio::test]
async fn a_task_that_is_aborted_leaves_the_clock_enabled() {
    let (sim, server) = start(config("40", 5_000)).await;
    let address = server.address();
    let task = tokio::spawn(async move {
        let mut client = Client::connect(address, locking()).await.unwrap();
        let mut log = client.attendance(now()).await.unwrap();
        log.next().await.unwrap();
        std::future::pending::<()>().await;
    });
    let locked = async {
        while sim.is_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), locked).await.unwrap();
    task.abort();
    until_enabled(&sim).await;
}
