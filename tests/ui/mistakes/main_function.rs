use gensx::component;

#[component]
fn main() {}
