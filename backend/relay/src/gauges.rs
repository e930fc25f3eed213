//! What is true right now, read when somebody asks for the metrics: connections, queues, rows, and what
//! the process takes of its machine. Names of the process are those of Prometheus' own clients.

use std::fs;

use crate::app::App;

/// The size of a page of memory where `/proc` counts in pages.
const PAGE: u32 = 4_096;

/// Sets all of them.
pub(crate) async fn set(app: &App) {
    let connections = app.doors.count();
    metrics::gauge!("sparky_connections").set(number(connections));
    metrics::gauge!("sparky_connections_max").set(number(app.quotas.connections));
    metrics::gauge!("sparky_commit_queue_depth").set(number(app.committer.waiting()));
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    metrics::gauge!("sparky_tasks").set(number(tasks));
    if let Ok(counts) = app.store.count_rows().await {
        for (table, count) in counts {
            metrics::gauge!("sparky_rows", "table" => table).set(number(count));
        }
    }
    process();
}

/// What Linux says of this process; nothing elsewhere.
fn process() {
    if let Some(pages) = resident_pages() {
        metrics::gauge!("process_resident_memory_bytes").set(number(pages) * f64::from(PAGE));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(number(files.count()));
    }
    #[cfg(unix)]
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(number(most));
    }
}

fn resident_pages() -> Option<u32> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

/// A count as a gauge shows it; exact far beyond what there is to count.
fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}
