//! The whole product on one machine: a cloud with its PostgreSQL, an edge agent enrolled with it, simulated clocks.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::binary::Variant;
use crate::clock::SimulatedClock;
use crate::cloud::Cloud;
use crate::edge::Edge;
use crate::folder::RunFolder;
use crate::ledger::Places;
use crate::sent::SentList;
use crate::setup::{self, Organisation};

/// What stops and goes away when it is dropped: clocks first, then the edge, then the cloud, then the folder.
pub struct Product {
    /// The clocks.
    pub clocks: Vec<SimulatedClock>,
    /// The edge agent.
    pub edge: Edge,
    /// The cloud.
    pub cloud: Cloud,
    /// The company that the edge belongs to.
    pub organisation: Organisation,
    /// Where all of it keeps its files.
    pub folder: RunFolder,
}

impl Product {
    /// Starts a cloud with one company and site, and an enrolled edge without clocks.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn start(name: &str, edge: Variant, cloud: Variant) -> Result<Self> {
        let folder = RunFolder::new(name)?;
        let logs = folder.sub("logs")?;
        let mut cloud = Cloud::start(&folder.sub("cloud")?, &logs, cloud)?;
        let organisation = setup::organisation(&mut cloud)?;
        let mut edge = Edge::new(&folder.sub("edge")?, &logs, edge);
        setup::enrol(&edge, &cloud.url()?, &organisation)?;
        edge.run(&[])?;
        Ok(Self { clocks: Vec::new(), edge, cloud, organisation, folder })
    }

    /// Adds a clock that is read over TCP.
    ///
    /// # Errors
    /// When it does not start or the edge does not take it.
    pub fn add_tcp(&mut self, serial: &str, arguments: &[&str]) -> Result<()> {
        let clock = SimulatedClock::tcp(serial, &self.folder.sub("clocks")?, arguments)?;
        setup::add_tcp(&self.edge, &clock)?;
        self.clocks.push(clock);
        Ok(())
    }

    /// Adds a clock that posts to the edge.
    ///
    /// # Errors
    /// When it does not start or the edge does not take it.
    pub fn add_push(&mut self, serial: &str, arguments: &[&str]) -> Result<()> {
        setup::add_push(&self.edge, serial)?;
        let folder = self.folder.sub("clocks")?;
        self.clocks.push(SimulatedClock::push(serial, &self.edge.push_url()?, &folder, arguments)?);
        Ok(())
    }

    /// Adds a clock that is read over TCP and posts at once.
    ///
    /// # Errors
    /// When it does not start or the edge does not take it.
    pub fn add_both(&mut self, serial: &str, arguments: &[&str]) -> Result<()> {
        let folder = self.folder.sub("clocks")?;
        let clock = SimulatedClock::both(serial, &self.edge.push_url()?, &folder, arguments)?;
        setup::add_tcp(&self.edge, &clock)?;
        self.clocks.push(clock);
        Ok(())
    }

    /// What the clocks kept.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub fn sent(&self) -> Result<SentList> {
        let mut all = SentList::default();
        for clock in &self.clocks {
            all.merge(clock.sent()?);
        }
        Ok(all)
    }

    /// What each place holds, read at its source.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub async fn places(&self) -> Result<Places> {
        // From the end of the way to its start: what arrives meanwhile cannot look like a punch from nowhere.
        let cloud = self.cloud.ledger().await?;
        let edge = self.edge.ledger()?;
        Ok(Places { clock: self.sent()?.punches, edge, cloud })
    }

    /// Waits until all three places hold the same.
    ///
    /// # Errors
    /// When they do not within `patience`; tells in what they differ.
    pub async fn settled(&self, patience: Duration) -> Result<Places> {
        let start = Instant::now();
        loop {
            let places = self.places().await?;
            if places.agree() {
                return Ok(places);
            }
            if start.elapsed() > patience {
                bail!("waited {} s in vain for equal ledgers: {places}", patience.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the edge holds what the clocks kept.
    ///
    /// # Errors
    /// When it does not within `patience`.
    pub async fn collected(&self, patience: Duration) -> Result<SentList> {
        crate::wait::until_async("the edge to hold what the clocks kept", patience, async || {
            let sent = self.sent()?;
            Ok((self.edge.ledger()? == sent.punches).then_some(sent))
        })
        .await
    }

    /// Stops everything in the order in which a person would.
    ///
    /// # Errors
    /// When a part does not stop or ends with an error.
    pub fn stop(&mut self) -> Result<()> {
        self.clocks.clear();
        self.edge.stop()?;
        self.cloud.stop()
    }
}
