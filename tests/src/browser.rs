//! A real browser: Debian's Chromium, headless, steered over WebDriver.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel};

use crate::process::{Process, running_as_root};
use crate::wait::until;

/// A screen size in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Screen {
    /// The PC in the server room.
    pub const DESKTOP: Self = Self { width: 1366, height: 768 };
    /// A phone held upright.
    pub const PHONE: Self = Self { width: 390, height: 844 };
}

/// Which colours the person has asked the machine for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark letters on light ground.
    Light,
    /// Light letters on dark ground.
    Dark,
}

/// A browser and its driver; both end when this is dropped.
pub struct Browser {
    /// The WebDriver session.
    pub page: WebDriver,
    // Ends the driver and its browser.
    _driver: Process,
    // Removed last, when nothing writes to it any more.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with an empty profile.
    ///
    /// # Errors
    /// When Chromium or its driver is missing or does not start.
    pub async fn start(logs: &Path) -> Result<Self> {
        // Another test of the same program may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The driver leaves its browser running when it is killed; a process namespace does not.
        let mut command = Command::new("unshare");
        if !running_as_root() {
            command.args(["--user", "--map-current-user"]);
        }
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--", "chromedriver", "--port=0"]);
        let driver = Process::spawn("chromedriver", &command, logs)
            .context("`cargo xtask test` installs the browser and its driver")?;
        let log = driver.log().to_owned();
        let port = until("chromedriver's port", Duration::from_secs(30), || {
            let text = std::fs::read_to_string(&log)?;
            Ok(text
                .split("successfully on port ")
                .nth(1)
                .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u16>().ok()))
        })?;
        let profile = tempfile::tempdir()?;
        let mut wanted = DesiredCapabilities::chrome();
        for flag in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
        ] {
            wanted.add_arg(flag)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let browser = Self { page, _driver: driver, _profile: profile };
        browser.set_screen(Screen::DESKTOP).await?;
        Ok(browser)
    }

    /// Shows pages as on a screen of this size.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn set_screen(&self, screen: Screen) -> Result<()> {
        let metrics = json!({
            "width": screen.width, "height": screen.height, "deviceScaleFactor": 1,
            "mobile": screen.width < 600,
        });
        self.page.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }

    /// Shows pages in these colours.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn set_scheme(&self, scheme: Scheme) -> Result<()> {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.page.cdp().send_raw("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// Writes a picture of the page: a screen high, or as high as the page is, up to two screens.
    ///
    /// # Errors
    /// When the browser does not answer or the file cannot be written.
    pub async fn picture(&self, screen: Screen, path: &Path) -> Result<()> {
        // As on a screen that is high enough, so that what sticks to an edge does not lie over the middle.
        let height = self.ask("return document.documentElement.scrollHeight").await?;
        let height = u32::try_from(height.as_u64().unwrap_or(0)).unwrap_or(u32::MAX);
        let height = height.clamp(screen.height, 2 * screen.height);
        self.page.cdp().send_raw("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await?;
        self.set_screen(Screen { height, ..screen }).await?;
        self.page.cdp().send_raw("Runtime.evaluate", json!({ "expression": "scrollTo(0, 0)" })).await?;
        let shot = self.page.cdp().send_raw("Page.captureScreenshot", json!({ "format": "png" })).await?;
        self.set_screen(screen).await?;
        self.page.cdp().send_raw("Emulation.setScrollbarsHidden", json!({ "hidden": false })).await?;
        let data = shot["data"].as_str().context("a picture has data")?;
        std::fs::write(path, crate::palette::reduce(&BASE64_STANDARD.decode(data)?)?)?;
        Ok(())
    }

    /// What keeps people from using the page that is shown, on a desk and on a phone, in light and in dark colours: what
    /// axe-core finds, and a page that is wider than the screen. One line each.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn faults(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        for (name, screen) in [("desktop", Screen::DESKTOP), ("phone", Screen::PHONE)] {
            self.set_screen(screen).await?;
            for (colours, scheme) in [("light", Scheme::Light), ("dark", Scheme::Dark)] {
                self.set_scheme(scheme).await?;
                let found = self.accessibility_faults().await?;
                faults.extend(found.into_iter().map(|fault| format!("{name}, {colours}: {fault}")));
            }
            self.set_scheme(Scheme::Light).await?;
            if self.scrolls_sideways().await? {
                faults.push(format!("{name}: wider than the screen"));
            }
        }
        self.set_screen(Screen::DESKTOP).await?;
        Ok(faults)
    }

    /// What axe-core finds wrong with the page that is shown, one line each.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn accessibility_faults(&self) -> Result<Vec<String>> {
        const AXE: &str = include_str!("../browser-assets/axe-core/axe.min.js");
        self.page.execute(AXE, vec![]).await?;
        let found = self
            .page
            .execute_async(
                "const done = arguments[arguments.length - 1];
                 axe.run(document).then(r => done(r.violations.map(v =>
                    v.id + ' (' + v.impact + '): ' + v.help + ' at '
                    + v.nodes.map(n => n.target.join(' ')).join(', '))), e => done(['axe failed: ' + e]));",
                vec![],
            )
            .await?;
        Ok(found.convert()?)
    }

    /// What the browser complained about since the last call: errors of scripts, of the content security policy,
    /// and files that are missing.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.page.browser_log().await?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" || entry.source.as_deref() == Some("security"))
            // How a form is answered whose fields must be corrected.
            .filter(|entry| !entry.message.ends_with("status of 422 (Unprocessable Entity)"))
            .map(|entry| entry.message)
            .collect())
    }

    /// Whether the page is wider than the screen, which makes a person scroll sideways.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn scrolls_sideways(&self) -> Result<bool> {
        let wide = self
            .page
            .execute(
                "return document.documentElement.scrollWidth > document.documentElement.clientWidth",
                vec![],
            )
            .await?;
        Ok(wide.convert()?)
    }

    /// The answer of the page to a script, as JSON.
    ///
    /// # Errors
    /// When the browser does not answer or the script throws.
    pub async fn ask(&self, script: &str) -> Result<Value> {
        Ok(self.page.execute(script, vec![]).await?.json().clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own ending would wait for a driver that is about to be killed with all that it started.
        let _ = self.page.clone().leak();
    }
}
