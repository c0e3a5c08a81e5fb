//! Files that let processes go on.

use std::{fs::File, path::Path};

use crate::common::{LOOK_INTERVAL, within};

pub(crate) fn make(file: &Path) {
    File::create(file).unwrap();
}

pub(crate) async fn appears(file: &Path) {
    let looks = async {
        while !file.exists() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    within("a file that lets this process go on", looks).await;
}
