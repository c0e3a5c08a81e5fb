use std::marker::PhantomData;

use gensx::component;

#[derive(serde::Serialize, serde::Deserialize)]
struct Finding(PhantomData<*const u8>);

#[component]
async fn research() -> gensx::Result<Finding> {
    Ok(Finding(PhantomData))
}

fn main() {}
