//! Hints over NATS: core subjects, at most once, never believed. A hint says where to look in the
//! database; who makes one up can cause a look, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt as _;
use sparky_protocol::Account;
use tokio::sync::mpsc;

use crate::{app::App, config::SecretUrl, hub::Notice};

/// Something that other relays should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// These accounts have events up to these numbers.
    Events(Vec<(Account, i64)>),
    /// The fleet's tables: a block, presence, a lease.
    Look,
}

/// Hints that are sent as one.
const AT_ONCE: usize = 256;

/// Bytes of one entry: the account, and the number.
const ENTRY: usize = 28;

/// Entries of one message: NATS takes a mebibyte.
const ENTRIES: usize = 16_384;

/// How long NATS may take to take a message.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends and hears hints until the relay stops. Without a URL it does nothing.
pub(super) async fn run(app: &App, url: Option<SecretUrl>, mut hints: mpsc::Receiver<Hint>) {
    let Some(url) = url else {
        return app.fleet.stopping.cancelled().await;
    };
    loop {
        if let Err(cause) = talk(app, url.expose(), &mut hints).await {
            tracing::error!(cause, "NATS can not be used");
        }
        app.fleet.nats.send_replace(Some(false));
        tokio::select! {
            () = app.fleet.stopping.cancelled() => return,
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
}

/// Connects, as often as it takes, and talks until the relay stops.
async fn talk(app: &App, url: &str, hints: &mut mpsc::Receiver<Hint>) -> Result<(), String> {
    let state = app.clone();
    let address: async_nats::ServerAddr = url
        .parse()
        .map_err(|_| "SPARKY_NATS_URL is not like nats://user:password@host:4222".to_owned())?;
    let mut options = async_nats::ConnectOptions::new()
        .name("sparky relay")
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(100 * u64::try_from(attempts.min(20)).unwrap_or(20))
        })
        .event_callback(move |event| {
            let app = state.clone();
            async move { changed(&app, &event) }
        });
    if let (Some(user), Some(password)) = (address.username(), address.password()) {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    let client = options
        .connect(address)
        .await
        .map_err(|cause| cause.to_string())?;
    let subject = format!("sparky.{}", hex::encode(app.deployment.contract.0));
    let mut heard = client
        .subscribe(subject.clone())
        .await
        .map_err(|cause| cause.to_string())?;
    let mut batch = Vec::with_capacity(AT_ONCE);
    loop {
        tokio::select! {
            () = app.fleet.stopping.cancelled() => {
                // The last words: what was stored until now.
                while let Ok(hint) = hints.try_recv() {
                    batch.push(hint);
                }
                send(&client, &subject, &batch).await;
                let _ = tokio::time::timeout(PATIENCE, client.flush()).await;
                return Ok(());
            }
            message = heard.next() => {
                let message = message.ok_or("the subscription ended")?;
                hear(app, &message.payload);
            }
            _ = hints.recv_many(&mut batch, AT_ONCE) => {
                if client.connection_state() == async_nats::connection::State::Connected {
                    send(&client, &subject, &batch).await;
                }
                batch.clear();
            }
        }
    }
}

fn changed(app: &App, event: &async_nats::Event) {
    let connected = match event {
        async_nats::Event::Connected => true,
        async_nats::Event::Disconnected | async_nats::Event::Closed => false,
        other => {
            tracing::warn!(%other, "NATS");
            return;
        }
    };
    tracing::info!(connected, "NATS");
    app.fleet.nats.send_replace(Some(connected));
    metrics::gauge!("sparky_nats_connected").set(if connected { 1.0 } else { 0.0 });
    // Whatever was said meanwhile was not heard here.
    app.fleet.look();
    app.fleet.poll.notify_one();
}

/// What this message says: nothing is a look.
fn hear(app: &App, payload: &[u8]) {
    metrics::counter!("sparky_hints_heard_total").increment(1);
    let entries = payload.chunks_exact(ENTRY);
    if entries.len() == 0 {
        app.fleet.look();
    }
    for entry in entries {
        if let Some((account, seq)) = read(entry) {
            app.hub.deliver(account, &Notice::Upto(seq));
        }
    }
}

fn read(entry: &[u8]) -> Option<(Account, i64)> {
    let (account, seq) = entry.split_first_chunk::<20>()?;
    Some((Account(*account), i64::from_be_bytes(seq.try_into().ok()?)))
}

async fn send(client: &async_nats::Client, subject: &str, batch: &[Hint]) {
    for payload in payloads(batch) {
        let sending = client.publish(subject.to_owned(), payload.into());
        if !matches!(tokio::time::timeout(PATIENCE, sending).await, Ok(Ok(()))) {
            metrics::counter!("sparky_hints_lost_total").increment(1);
        }
    }
}

/// Each account's highest number, once.
fn payloads(batch: &[Hint]) -> Vec<Vec<u8>> {
    let mut highest: BTreeMap<Account, i64> = BTreeMap::new();
    let mut payloads = Vec::new();
    for hint in batch {
        match hint {
            Hint::Look if payloads.is_empty() => payloads.push(Vec::new()),
            Hint::Look => {}
            Hint::Events(events) => {
                for (account, seq) in events {
                    let highest = highest.entry(*account).or_default();
                    *highest = (*highest).max(*seq);
                }
            }
        }
    }
    let entries: Vec<[u8; ENTRY]> = highest
        .iter()
        .map(|(account, seq)| {
            let mut entry = [0; ENTRY];
            entry[..20].copy_from_slice(&account.0);
            entry[20..].copy_from_slice(&seq.to_be_bytes());
            entry
        })
        .collect();
    payloads.extend(entries.chunks(ENTRIES).map(<[[u8; ENTRY]]>::concat));
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Account = Account([1; 20]);
    const BOB: Account = Account([2; 20]);

    #[test]
    fn of_many_hints_the_highest_number_of_each_account_is_said_once() {
        let batch = [
            Hint::Events(vec![(ALICE, 1), (BOB, 7)]),
            Hint::Look,
            Hint::Events(vec![(ALICE, 3)]),
            Hint::Look,
            Hint::Events(vec![(ALICE, 2)]),
        ];
        let payloads = payloads(&batch);
        assert_eq!(payloads.len(), 2);
        assert!(payloads[0].is_empty(), "one look");
        let heard: Vec<_> = payloads[1].chunks(ENTRY).map(read).collect();
        assert_eq!(heard, [Some((ALICE, 3)), Some((BOB, 7))]);
    }

    #[test]
    fn a_message_of_the_wrong_length_says_nothing() {
        for length in [1, 19, 20, 27, 29] {
            assert_eq!(read(&vec![0; length]), None, "{length}");
        }
    }
}
