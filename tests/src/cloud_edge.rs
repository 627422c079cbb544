//! An edge in memory that exchanges both ways with a cloud over signed HTTP.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use cloud_server::clock::OsEntropy;
use sync_protocol::Origin;
use sync_protocol::Stream;
use sync_protocol::edge::{About, After, AfterPull, Next, Session, answered_with_feed, open};
use sync_protocol::memory::MemoryEdge;
use sync_protocol::message::{self, Capabilities, HelloReply, Nonce, PushReply};

use crate::cloud_http::{CloudHttp, EdgeKey, Factory};

/// An enrolled edge with its disk.
#[derive(Debug)]
pub struct CloudEdge {
    /// Its credentials.
    pub key: EdgeKey,
    /// Its disk.
    pub disk: MemoryEdge,
}

impl CloudEdge {
    /// Enrols an edge at a company's site.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn enrolled(cloud: &CloudHttp, factory: Factory) -> Result<Self> {
        let key = cloud.enrol(factory).await?;
        let id = key.id.context("enrolled")?;
        Ok(Self { key, disk: MemoryEdge::new(id, Origin::mint(&OsEntropy)) })
    }

    /// Says hello until there is a session.
    ///
    /// # Errors
    /// When the cloud refuses one.
    pub async fn session(&self, cloud: &CloudHttp) -> Result<Session> {
        for _ in 0..10 {
            let about = About {
                app_version: "0.1.0".into(),
                schema_ver: 1,
                capabilities: Capabilities::of(&[Capabilities::OBSERVATIONS, Capabilities::PULL]),
            };
            let said = open(&self.disk, &about, Nonce::draw(&OsEntropy), &BTreeMap::new(), 0).await?;
            let (status, reply) =
                cloud.post_message::<_, HelloReply>(&self.key, message::HELLO, &said).await?;
            ensure!(status == 200, "hello answered {status}");
            let reply = reply.context("an answer")?;
            match answered_with_feed(&self.disk, &said, &reply, Origin::mint(&OsEntropy)).await? {
                Next::Session(session) => return Ok(*session),
                Next::Forked { .. } | Next::Again(_) => {}
                Next::Stop(stop) => bail!("no session: {stop:?}"),
            }
        }
        bail!("no session after ten hellos")
    }

    /// Pushes everything of both logs.
    ///
    /// # Errors
    /// When the cloud refuses it.
    pub async fn push(&self, cloud: &CloudHttp, session: &mut Session) -> Result<()> {
        for stream in Stream::ALL {
            while let Some(push) = session.next_push(&self.disk, stream, 0).await? {
                let (status, reply) =
                    cloud.post::<PushReply>(&self.key, message::PUSH, push.body.clone()).await?;
                ensure!(status == 200, "push answered {status}");
                ensure!(push.taken(&self.disk, &reply.context("an answer")?).await? == After::Continue);
            }
        }
        Ok(())
    }

    /// Asks for one page, held for at most `wait` seconds.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub async fn pull_once(&self, cloud: &CloudHttp, session: &Session, wait: u32) -> Result<AfterPull> {
        let pull = session.next_pull(&self.disk, wait).await?.context("nothing is owed")?;
        let (_, body) = cloud.get_signed(&self.key, &pull.target()).await?;
        Ok(session.pulled(&self.disk, &pull, &body).await??)
    }

    /// Reads the feed, or a snapshot and then the feed, until nothing is behind.
    ///
    /// # Errors
    /// When the cloud does not answer, or ends the session.
    pub async fn pull(&self, cloud: &CloudHttp, session: &Session) -> Result<i64> {
        loop {
            match self.pull_once(cloud, session, 0).await? {
                AfterPull::More => {}
                AfterPull::Clean(place) => return Ok(place),
                AfterPull::Hello => bail!("the cloud asks for a hello"),
            }
        }
    }

    /// A whole exchange: hello, everything up, everything down.
    ///
    /// # Errors
    /// When the cloud refuses any of it.
    pub async fn exchange(&self, cloud: &CloudHttp) -> Result<Session> {
        let mut session = self.session(cloud).await?;
        self.push(cloud, &mut session).await?;
        self.pull(cloud, &session).await?;
        Ok(session)
    }
}
