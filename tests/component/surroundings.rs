//! Where a component stands: its module, its attributes, the macro that wrote it.

use gensx::{Result, component};

mod bare {
    #![no_implicit_prelude]
    #![expect(dead_code, reason = "names that code relying on the prelude would pick up")]

    struct Box;
    struct Clone;
    struct Err;
    struct FnMut;
    struct None;
    struct Ok;
    struct Option;
    struct Result;
    struct Send;
    struct Some;
    struct String;
    struct Vec;
    mod alloc {}
    mod core {}
    mod gensx {}
    mod serde {}
    mod std {}

    fn is_temporary(_: &::gensx::Error) -> bool {
        false
    }

    #[::gensx::component(
        version = 2,
        retry(max_attempts = 2, initial = "1ms", factor = 2, max = "2ms", jitter = false, when = is_temporary),
        timeout = "30s",
        cache(ttl = "1h", key = text, scope = count),
        durability = "strict"
    )]
    pub(super) async fn lengthened(text: &str, mut count: usize) -> ::gensx::Result<usize> {
        count += text.len();
        ::gensx::Result::Ok(count)
    }
}

#[tokio::test]
async fn a_module_without_a_prelude_may_hold_components() {
    assert_eq!(bare::lengthened("abc", 1).await.unwrap(), 4);
}

mod sdk {
    pub(crate) mod inner {
        pub(crate) use gensx::*;
    }
}

mod elsewhere {
    // Hides the crate of this name.
    mod gensx {}

    #[super::component(crate = super::sdk::inner, timeout = "1s", retry(max_attempts = 2))]
    pub(super) async fn found() -> super::Result<u8> {
        Ok(1)
    }
}

#[tokio::test]
async fn gensx_may_be_found_at_another_path() {
    assert_eq!(elsewhere::found().await.unwrap(), 1);
}

macro_rules! components {
    ($($name:ident($argument:ident: $ty:ty) = $limit:literal => $value:expr;)*) => {$(
        #[component(timeout = $limit, name = $limit)]
        async fn $name($argument: $ty) -> Result<$ty> {
            Ok($value)
        }
    )*};
}

components! {
    doubled(n: u32) = "1s" => n * 2;
    shouted(text: String) = "2s" => text.to_uppercase();
}

#[tokio::test]
async fn a_macro_may_write_components() {
    assert_eq!(doubled(2).await.unwrap(), 4);
    assert_eq!(shouted("a".to_owned()).await.unwrap(), "A");
}

#[component]
async fn r#match(r#type: u32) -> Result<u32> {
    Ok(r#type)
}

#[tokio::test]
async fn names_may_be_keywords() {
    assert_eq!(r#match(1).await.unwrap(), 1);
}

/// A documented component.
#[component]
#[cfg(not(miri))]
#[deprecated = "for this test"]
pub(crate) async fn attributed() -> Result<u8> {
    Ok(1)
}

#[component]
#[cfg(miri)]
async fn attributed() -> Missing {}

#[tokio::test]
#[expect(deprecated, reason = "shows that the attribute is kept")]
async fn other_attributes_are_kept() {
    assert_eq!(attributed().await.unwrap(), 1);
}

#[tokio::test]
async fn a_component_is_a_function_like_any_other() {
    let each: Vec<_> = [1, 2, 3].into_iter().map(doubled).collect();
    let mut sum = 0;
    for call in each {
        sum += call.await.unwrap();
    }
    assert_eq!(sum, 12);
}
