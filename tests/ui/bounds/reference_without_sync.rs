use std::cell::Cell;

use gensx::component;

#[component]
async fn research(#[skip] count: &Cell<usize>) -> gensx::Result<usize> {
    Ok(count.get())
}

fn main() {}
