//! Files compiled into the binary and served under a name that contains their hash.
//!
//! A URL is `/assets/<first 16 hex digits of SHA-256>-<name>`, so it can be cached for ever and a new build is
//! picked up at once. Nothing is read from disk and no URL is turned into a path.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::Refusal;

/// The path under which every asset is served.
pub const PREFIX: &str = "/assets/";

#[derive(RustEmbed)]
#[folder = "assets"]
#[include = "css/*.css"]
struct Styles;

#[derive(RustEmbed)]
#[folder = "assets/js"]
#[include = "*.js"]
struct Scripts;

#[derive(RustEmbed)]
#[folder = "assets/vendor/htmx"]
#[include = "*.js"]
struct Htmx;

#[derive(RustEmbed)]
#[folder = "assets/image"]
#[include = "*.svg"]
struct Images;

/// Every file a binary serves, by name and by hashed URL.
#[derive(Debug, Default)]
pub struct Assets {
    url_by_name: BTreeMap<String, String>,
    file_by_url_name: HashMap<String, File>,
}

#[derive(Debug)]
struct File {
    bytes: Cow<'static, [u8]>,
    mime: HeaderValue,
    etag: HeaderValue,
}

impl Assets {
    /// The kit's own files: `kit.css`, the scripts, `htmx.min.js`, `icons.svg`, `favicon.svg`.
    #[must_use]
    pub fn kit() -> Self {
        let mut css = Vec::new();
        for name in sorted_names::<Styles>() {
            if let Some(file) = Styles::get(&name) {
                css.extend_from_slice(&file.data);
                css.push(b'\n');
            }
        }
        let mut assets = Self::default();
        assets.insert("kit.css", Cow::Owned(css));
        assets.with::<Scripts>().with::<Htmx>().with::<Images>()
    }

    /// Adds the files of a binary; a file of the same name takes the place of the kit's.
    #[must_use]
    pub fn with<F: RustEmbed>(mut self) -> Self {
        for name in sorted_names::<F>() {
            if let Some(file) = F::get(&name) {
                self.insert(&name.replace('/', "-"), file.data);
            }
        }
        self
    }

    fn insert(&mut self, name: &str, bytes: Cow<'static, [u8]>) {
        let digest = hex::encode(Sha256::digest(&bytes));
        let hash = digest.get(..16).unwrap_or(&digest);
        let url_name = format!("{hash}-{name}");
        let mime = mime_guess::from_path(name).first_or_octet_stream();
        let mime = match (mime.type_().as_str(), mime.subtype().as_str()) {
            ("text", kind @ ("css" | "javascript" | "html" | "plain")) => {
                format!("text/{kind}; charset=utf-8")
            }
            _ => mime.to_string(),
        };
        let file = File {
            bytes,
            mime: HeaderValue::from_str(&mime)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            etag: HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
        };
        if let Some(old) = self.url_by_name.insert(name.to_owned(), format!("{PREFIX}{url_name}"))
            && let Some(old) = old.strip_prefix(PREFIX)
        {
            self.file_by_url_name.remove(old);
        }
        self.file_by_url_name.insert(url_name, file);
    }

    /// The URL of a file by its plain name.
    ///
    /// An unknown name is a programming error: it is logged, and the URL returned answers 404.
    #[must_use]
    pub fn url(&self, name: &str) -> &str {
        if let Some(url) = self.url_by_name.get(name) {
            url
        } else {
            tracing::error!(asset.name = name, "no such asset");
            "/assets/missing"
        }
    }

    /// The plain names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.url_by_name.keys().map(String::as_str)
    }

    /// The routes that serve the files; they are public and hold nothing of any customer.
    pub fn router<S: Clone + Send + Sync + 'static>(self: &Arc<Self>) -> Router<S> {
        Router::new().route("/assets/{file}", get(serve)).with_state(Arc::clone(self))
    }
}

fn sorted_names<F: RustEmbed>() -> Vec<String> {
    let mut names: Vec<String> = F::iter().map(Cow::into_owned).collect();
    names.sort();
    names
}

async fn serve(State(assets): State<Arc<Assets>>, Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(file) = assets.file_by_url_name.get(&name) else {
        return Refusal::NotFound.into_response();
    };
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::ETAG, file.etag.clone()),
    ];
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|sent| {
        sent.to_str().is_ok_and(|list| {
            list.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == file.etag.as_bytes())
        })
    });
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let bytes = match &file.bytes {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => axum::body::Bytes::copy_from_slice(bytes),
    };
    (caching, [(header::CONTENT_TYPE, file.mime.clone())], bytes).into_response()
}

#[cfg(test)]
mod tests;
