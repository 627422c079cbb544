//! Pictures of pages, each on a desk and on a phone.

use std::path::PathBuf;

use anyhow::Result;

use crate::browser::{Browser, Screen};

/// Where the pictures go.
#[derive(Debug)]
pub struct Album {
    folder: PathBuf,
}

impl Album {
    /// Keeps the pictures in a folder that exists.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Takes a picture of what is shown on each screen, and says so.
    ///
    /// # Errors
    /// When the browser does not answer or the file cannot be written.
    #[expect(clippy::print_stdout, reason = "progress of a command-line tool")]
    pub async fn take(&self, browser: &Browser, page: &str, state: &str) -> Result<()> {
        for (name, screen) in [("desktop", Screen::DESKTOP), ("phone", Screen::PHONE)] {
            browser.set_screen(screen).await?;
            browser.picture(&self.folder.join(format!("{page}-{state}-{name}.png"))).await?;
        }
        browser.set_screen(Screen::DESKTOP).await?;
        println!("{page} ({state})");
        Ok(())
    }
}
