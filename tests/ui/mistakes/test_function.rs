use gensx::component;

#[component]
#[test]
fn research_finds() {
    assert_eq!(1 + 1, 2);
}

fn main() {}
