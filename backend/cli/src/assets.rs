//! The DApp inside the binary: what Vite built, served with the right headers.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What was in `starter-kit/dist` when this binary was built.
#[derive(RustEmbed)]
#[folder = "../../starter-kit/dist"]
struct Dist;

/// Serves the DApp at every path that is nobody else's.
pub fn router() -> Router {
    Router::new().fallback(serve)
}

/// A file by its name; any other path is a page of the DApp, which finds its way by itself.
async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty()) {
        return respond(path, file);
    }
    // A missing script must be a 404: a page in its place would be a riddle.
    if path.starts_with("assets/") || path.starts_with("api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Dist::get("index.html") {
        Some(page) => respond("index.html", page),
        None => Html(NOT_BUILT).into_response(),
    }
}

fn respond(path: &str, file: EmbeddedFile) -> Response {
    // Vite puts a hash into the name of everything below assets/.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(media_type(path)),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, Body::from(file.data)).into_response()
}

/// What a browser must know of a file. Vite makes no other kinds.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sparky</title>\
<h1>The DApp is not in this binary</h1><p>Run <code>make build</code>, then start again. The API works.</p></html>";

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str) -> Response {
        serve(path.parse().unwrap()).await
    }

    #[tokio::test]
    async fn pages_are_the_dapp_and_missing_files_are_missing() {
        assert_eq!(get("/").await.status(), StatusCode::OK);
        let page = get("/channels/5").await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(
            page.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
        assert_eq!(get("/assets/none.js").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/api/v1/none").await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn what_has_a_hash_in_its_name_is_kept_for_ever_and_pages_are_not() {
        for path in Dist::iter() {
            let cache = &get(&format!("/{path}")).await.headers()[header::CACHE_CONTROL].clone();
            assert_eq!(cache == "no-cache", !path.starts_with("assets/"), "{path}");
        }
    }

    #[test]
    fn wasm_is_compiled_while_it_arrives() {
        assert_eq!(media_type("assets/core-abc.wasm"), "application/wasm");
    }
}
