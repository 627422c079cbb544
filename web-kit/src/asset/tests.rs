use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

fn kit() -> Arc<Assets> {
    Arc::new(Assets::kit())
}

async fn fetch(assets: &Arc<Assets>, path: &str, if_none_match: Option<&str>) -> Response {
    let mut request = Request::builder().uri(path);
    if let Some(tag) = if_none_match {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    assets.router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_asset_is_served_for_ever_with_its_type() {
    let assets = kit();
    let names: Vec<String> = assets.names().map(str::to_owned).collect();
    assert!(names.iter().any(|name| name == "kit.css"), "{names:?}");
    assert!(names.iter().any(|name| name == "htmx.min.js"), "{names:?}");
    for name in names {
        let response = fetch(&assets, assets.url(&name), None).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        let cache = response.headers()[header::CACHE_CONTROL].to_str().unwrap().to_owned();
        assert!(cache.contains("immutable"), "{name}: {cache}");
        let mime = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let expected = match name.rsplit('.').next().unwrap() {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("unexpected file type {other}"),
        };
        assert_eq!(mime, expected, "{name}");
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn a_known_etag_is_answered_without_a_body() {
    let assets = kit();
    let url = assets.url("kit.css").to_owned();
    let etag = fetch(&assets, &url, None).await.headers()[header::ETAG].to_str().unwrap().to_owned();
    for sent in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}")] {
        let response = fetch(&assets, &url, Some(&sent)).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{sent}");
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn plain_names_and_paths_outside_are_not_served() {
    let assets = kit();
    for path in ["/assets/kit.css", "/assets/..%2f..%2fCargo.toml", "/assets/0000000000000000-kit.css"] {
        assert_eq!(fetch(&assets, path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn htmx_is_the_file_whose_hash_is_written_beside_it() {
    let readme = include_str!("../../assets/vendor/htmx/README.md");
    let digest = hex::encode(Sha256::digest(include_bytes!("../../assets/vendor/htmx/htmx.min.js")));
    assert!(readme.contains(&digest), "{digest}");
}

#[test]
fn a_file_of_the_binary_replaces_the_kits_file_of_that_name() {
    #[derive(RustEmbed)]
    #[folder = "locales/en"]
    #[include = "kit.ftl"]
    struct Other;

    let mut assets = Assets::kit();
    let before = assets.url("favicon.svg").to_owned();
    assets.insert("favicon.svg", Cow::Borrowed(b"<svg/>"));
    let assets = assets.with::<Other>();
    assert_ne!(assets.url("favicon.svg"), before);
    assert!(!assets.file_by_url_name.contains_key(before.strip_prefix(PREFIX).unwrap()));
    assert!(assets.url("kit.ftl").ends_with("-kit.ftl"));
}
