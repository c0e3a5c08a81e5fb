//! The workflow whose owners are stopped, and where they hold.

use std::path::{Path, PathBuf};

use gensx::prelude::*;

use crate::{common::ledger::ran, files::appears};

const HOLD_AT: &str = "GENSX_TEST_HOLD_AT";
const HOLD_UNTIL: &str = "GENSX_TEST_HOLD_UNTIL";
const BEGIN_WHEN: &str = "GENSX_TEST_BEGIN_WHEN";

/// Where an owner can be held, in the program's order: after the effect of this call, before its outcome is appended.
pub(crate) const SITES: [&str; 4] = ["one", "two.inner", "three.a", LAST];
pub(crate) const LAST: &str = "four";

/// The call that runs beside the one at `site`, and is not held.
pub(crate) fn beside(site: &str) -> Option<&'static str> {
    (site == "three.a").then_some("three.b")
}

/// What an owner waits for: files that appear.
#[derive(Default)]
pub(crate) struct Holds {
    pub(crate) begin_when: Option<PathBuf>,
    pub(crate) at: Option<(&'static str, PathBuf)>,
}

impl Holds {
    pub(crate) fn at(site: &'static str, until: &Path) -> Self {
        Self { at: Some((site, until.to_owned())), ..Self::default() }
    }

    /// What the owner's process must be told.
    pub(crate) fn told(&self) -> Vec<(&str, &Path)> {
        let begin = self.begin_when.as_deref().map(|file| (BEGIN_WHEN, file));
        let at =
            self.at.as_ref().map(|(site, file)| [(HOLD_AT, Path::new(site)), (HOLD_UNTIL, file.as_path())]);
        begin.into_iter().chain(at.into_iter().flatten()).collect()
    }
}

/// Before an owner takes the run.
pub(crate) async fn hold_beginning() {
    if let Some(file) = std::env::var_os(BEGIN_WHEN) {
        appears(file.as_ref()).await;
    }
}

async fn hold(site: &str) {
    if std::env::var(HOLD_AT).is_ok_and(|held| held == site) {
        let file = std::env::var_os(HOLD_UNTIL).expect("a held process is told until when");
        appears(file.as_ref()).await;
    }
}

#[component]
async fn effect(site: &str) -> gensx::Result<u64> {
    let value = ran((site,));
    hold(site).await;
    gensx::emit_text("after", site);
    Ok(value)
}

#[component]
async fn nested(site: &str) -> gensx::Result<u64> {
    let value = ran((site,));
    Ok(value ^ effect(&format!("{site}.inner")).await?)
}

#[component]
pub(crate) async fn relay(site: String) -> gensx::Result<Vec<u64>> {
    ran((&site,));
    let mut values = vec![effect("one").await?, nested("two").await?];
    let (a, b) = tokio::try_join!(effect("three.a"), effect("three.b"))?;
    values.extend([a, b, effect(LAST).await?]);
    Ok(values)
}
