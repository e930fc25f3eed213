//! Tasks without which a relay only seems to live: while the committer is gone, every payment fails and
//! every look at the relay's health is fine. When one of them ends before its time, everything ends, and
//! whoever started the process hears of it.

use std::sync::{Arc, OnceLock};

use anyhow::bail;
use tokio_util::sync::CancellationToken;

/// What watches over them.
pub(crate) struct Vital {
    /// From here on they may end.
    stopping: CancellationToken,
    /// The first that ended too early.
    failed: Arc<Failed>,
}

#[derive(Default)]
struct Failed {
    who: OnceLock<&'static str>,
    token: CancellationToken,
}

impl Vital {
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        Self {
            stopping,
            failed: Arc::default(),
        }
    }

    /// The task, under watch from when it first runs.
    pub(crate) fn guard<F: Future>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let watch = Watch {
            name,
            stopping: self.stopping.clone(),
            failed: Arc::clone(&self.failed),
        };
        async move {
            let _watch = watch;
            task.await
        }
    }

    /// Completes with `shutdown`, or when one of them has ended too early.
    pub(crate) fn or_failed<F: Future<Output = ()>>(
        &self,
        shutdown: F,
    ) -> impl Future<Output = ()> + use<F> {
        let failed = self.failed.token.clone();
        async move {
            tokio::select! {
                () = failed.cancelled() => {}
                () = shutdown => {}
            }
        }
    }

    /// Whether all of them lived as long as they should.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        match self.failed.who.get() {
            Some(who) => bail!(
                "the {who} has ended before its time: start the relay again, and look into its log"
            ),
            None => Ok(()),
        }
    }
}

/// Notices the end of a task, also by a panic: it is dropped with it.
struct Watch {
    name: &'static str,
    stopping: CancellationToken,
    failed: Arc<Failed>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.stopping.is_cancelled() {
            tracing::error!(task = self.name, "has ended before its time");
            let _ = self.failed.who.set(self.name);
            self.failed.token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    /// What becomes of a relay whose committer does this.
    async fn served(committer: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let stopping = CancellationToken::new();
        let vital = Vital::new(stopping.clone());
        let task = tokio::spawn(vital.guard("committer", committer));
        let shutdown = tokio::time::sleep(Duration::from_millis(200));
        vital.or_failed(shutdown).await;
        stopping.cancel();
        task.abort();
        let _ = task.await;
        vital.verdict()
    }

    #[tokio::test]
    async fn a_committer_that_ends_or_panics_ends_the_relay_with_an_error() {
        let told = |ended: anyhow::Result<()>| ended.err().map(|cause| cause.to_string());
        let early = told(served(async {}).await).expect("an error");
        assert!(early.starts_with("the committer has ended"), "{early}");
        assert_eq!(
            told(served(async { panic!("a defect") }).await),
            Some(early)
        );
        assert_eq!(told(served(pending()).await), None);
    }
}
