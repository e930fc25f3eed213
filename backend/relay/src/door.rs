//! The door: who is let in, how long anybody may take to say what they want, and how everybody leaves.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    app::App,
    crowd::{Admission, Place},
    error::Error,
    limit,
};

/// The longest head of a request, in bytes.
pub(crate) const LONGEST_HEAD: usize = 32 * 1_024;

/// How long those who are being answered may take when the relay stops.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long what was sent may wait for a client that takes nothing.
const UNREAD: Duration = Duration::from_mins(1);

/// How long to wait before asking for the next connection when the system has none to give.
const BREATH: Duration = Duration::from_millis(200);

/// What a client that is refused should wait, in seconds.
const COME_BACK: u64 = 5;

/// Open files that are not connections of clients: database, node, log.
const OTHER_FILES: u64 = 512;

/// Lets connections in until `shutdown` completes, and waits for those who are inside.
pub(crate) async fn serve(
    app: &App,
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let refusing = Router::new().fallback(refuse);
    let inside = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                rest(&cause).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let is_proxy = app.quotas.trusted_proxies.contains(&address);
        let (router, place) = match app.doors.enter(limit::network(address), is_proxy) {
            Admission::Welcome(place) => (&router, place),
            Admission::Refused(place) => {
                metrics::counter!("sparky_connections_refused_total").increment(1);
                (&refusing, place)
            }
            Admission::Dropped => {
                metrics::counter!("sparky_connections_refused_total").increment(1);
                continue;
            }
        };
        let patience = app.quotas.request_time;
        let leaving = app.stopping.clone();
        let guest = Guest {
            peer,
            place: Arc::new(place),
        };
        inside.spawn(connection(stream, guest, router.clone(), patience, leaving));
    }
    drop(listener);
    app.stopping.cancel();
    inside.close();
    if tokio::time::timeout(FAREWELL, inside.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// Who came in, and the place that they hold: a WebSocket holds it for as long as it lives.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    peer: SocketAddr,
    #[expect(dead_code, reason = "held, not read")]
    place: Arc<Place>,
}

async fn connection(
    stream: TcpStream,
    guest: Guest,
    router: Router,
    patience: Duration,
    leaving: CancellationToken,
) {
    if let Err(cause) = prepare(&stream) {
        tracing::debug!(%cause, "a socket option");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(guest.peer));
        request.extensions_mut().insert(guest.clone());
        answer(router.clone(), request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(LONGEST_HEAD);
    let serving = http.serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving.with_upgrades());
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = leaving.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(cause) = served {
        tracing::trace!(%cause, "a connection broke");
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    router.oneshot(request.map(Body::new)).await
}

/// Small frames leave at once, and what nobody takes is not kept for ever.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(
        stream,
        u32::try_from(UNREAD.as_millis()).unwrap_or(u32::MAX),
    )?;
    Ok(())
}

/// Too many connections: one answer, and that was it.
async fn refuse() -> Response {
    let mut response = Error::RateLimited { seconds: COME_BACK }.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A connection that broke before it began is nothing; a system without files needs a moment.
async fn rest(cause: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        cause.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!(%cause, "no connection can be accepted");
        tokio::time::sleep(BREATH).await;
    }
}

/// How many connections the system has files for. Asks for as many as it may give.
pub(crate) fn possible_connections() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let files = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        files.map_or(usize::MAX, |files| {
            usize::try_from(files.saturating_sub(OTHER_FILES).max(1)).unwrap_or(usize::MAX)
        })
    }
    #[cfg(not(unix))]
    usize::MAX
}
