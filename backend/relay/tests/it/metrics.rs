//! What operators watch: names that were promised, and nothing about anybody.

use crate::world::World;

/// What operators watch has the names that were promised, and tells nothing about anybody.
#[tokio::test]
async fn metrics_have_their_names_and_no_addresses() {
    let world = World::new().await;
    let (mut alice, _, id) = world.channel(1).await;
    alice.send(id, 5).await;
    let text = reqwest::get(format!("{}/metrics", world.url()))
        .await
        .expect("answers")
        .text()
        .await
        .expect("a text");
    for name in [
        "sparky_build_info",
        "sparky_http_requests_total",
        "sparky_http_request_duration_seconds_bucket",
        "sparky_states_accepted_total",
        "sparky_state_delivery_seconds_bucket",
        "sparky_channels{state=\"open\"}",
        "sparky_chain_height",
        "sparky_chain_lag_blocks",
        "sparky_watch_armed_channels",
        "sparky_outbox_depth",
        "sparky_db_pool_connections{state=\"idle\"}",
        "sparky_connections ",
        "sparky_connections_max ",
        "sparky_commit_queue_depth ",
        "sparky_tasks ",
        "sparky_rows{table=\"session\"}",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
    ] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
    assert!(!text.contains(&alice.address) && !text.contains(&id.to_string()));
}
