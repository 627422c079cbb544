//! Pictures of pages, each on a desk and on a phone, in the colours and the language that are asked for.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::browser::{Browser, Scheme, Screen};

/// A folder of pictures, named `page-state-screen.png`.
#[derive(Debug)]
pub struct Album {
    folder: PathBuf,
}

impl Album {
    /// An empty album: pictures of an earlier run are removed, so that none outlives its page.
    ///
    /// # Errors
    /// When the folder cannot be made or emptied.
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "png") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Takes what is shown, on each screen, in light colours.
    ///
    /// # Errors
    /// When the browser does not answer or a file cannot be written.
    pub async fn take(&self, browser: &Browser, page: &str, state: &str) -> Result<()> {
        self.both(browser, &format!("{page}-{state}")).await
    }

    /// As [`Self::take`], in dark colours.
    ///
    /// # Errors
    /// When the browser does not answer or a file cannot be written.
    pub async fn take_dark(&self, browser: &Browser, page: &str, state: &str) -> Result<()> {
        browser.set_scheme(Scheme::Dark).await?;
        self.both(browser, &format!("{page}-{state}-dark")).await?;
        browser.set_scheme(Scheme::Light).await
    }

    async fn both(&self, browser: &Browser, name: &str) -> Result<()> {
        for (screen_name, screen) in [("desktop", Screen::DESKTOP), ("phone", Screen::PHONE)] {
            browser.set_screen(screen).await?;
            browser.picture(screen, &self.folder.join(format!("{name}-{screen_name}.png"))).await?;
        }
        browser.set_screen(Screen::DESKTOP).await
    }
}
