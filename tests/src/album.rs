//! Pictures of pages, each on a desk and on a phone, in the colours and the language that are asked for. Whatever is
//! pictured is looked through for faults too, so that every state of every page is.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::browser::{Browser, Scheme, Screen};

/// A folder of pictures, named `page-state-screen.png`.
#[derive(Debug)]
pub struct Album {
    folder: PathBuf,
    faults: RefCell<Vec<String>>,
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
        Ok(Self { folder: folder.to_owned(), faults: RefCell::default() })
    }

    /// Takes what is shown, on each screen, in light colours.
    ///
    /// # Errors
    /// When the browser does not answer or a file cannot be written.
    pub async fn take(&self, browser: &Browser, page: &str, state: &str) -> Result<()> {
        let found = browser.faults().await?;
        self.faults.borrow_mut().extend(found.into_iter().map(|fault| format!("{page}-{state}: {fault}")));
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

    /// Ends the album.
    ///
    /// # Errors
    /// When a page that is in it has faults; names each.
    pub fn finish(self) -> Result<()> {
        let faults = self.faults.into_inner();
        ensure!(faults.is_empty(), "pages with faults:\n{}", faults.join("\n"));
        Ok(())
    }

    async fn both(&self, browser: &Browser, name: &str) -> Result<()> {
        for (screen_name, screen) in [("desktop", Screen::DESKTOP), ("phone", Screen::PHONE)] {
            browser.set_screen(screen).await?;
            browser.picture(screen, &self.folder.join(format!("{name}-{screen_name}.png"))).await?;
        }
        browser.set_screen(Screen::DESKTOP).await
    }
}
