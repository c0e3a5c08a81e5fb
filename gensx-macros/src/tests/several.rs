//! All mistakes are reported at once, and the function is written all the same.

use quote::quote;

use crate::component::component;

#[test]
fn all_mistakes_are_reported_at_once() {
    let options = quote!(naem = "x", timeout = 30, retry(max_attempts = 0, factor = 0.5), cache);
    let (_, mistakes) = component(
        options,
        quote! {
            fn research(#[skip] #[secret] topic: String, found: &mut Vec<String>) {}
        },
    );
    assert_eq!(
        mistakes.names(),
        [
            "NotAsync",
            "SkipAndSecret",
            "MutableArgument",
            "NoReturnType",
            "UnknownOption",
            "AttemptsZero",
            "FactorBelowOne",
            "DurationNumber",
            "CacheWithoutSettings",
        ]
    );
}

#[test]
fn a_refused_option_is_left_out_and_the_others_stay() {
    let function = quote! {
        async fn research(topic: String) -> gensx::Result<String> { Ok(topic) }
    };
    let (refused, mistakes) = component(quote!(timeout = 30, version = 2), function.clone());
    let (expected, none) = component(quote!(version = 2), function);
    assert_eq!(none.names(), [""; 0]);
    assert_eq!(refused.to_string(), quote!(#mistakes #expected).to_string());
}

#[test]
fn a_body_that_is_still_being_written_is_kept_as_it_is() {
    let (code, mistakes) = component(
        quote!(),
        quote! {
            async fn research(topic: String) -> gensx::Result<String> { let found = topic. }
        },
    );
    assert_eq!(mistakes.names(), [""; 0]);
    assert!(code.to_string().contains("let found = topic . }"), "{code}");
}

#[test]
fn options_that_are_still_being_written_keep_the_function() {
    for options in
        [quote!(timeout =), quote!(retry(max_attempts =)), quote!(cache(ttl)), quote!(,), quote!(= 3)]
    {
        let function = quote! {
            async fn research(topic: String) -> gensx::Result<String> { Ok(topic) }
        };
        let (code, mistakes) = component(options.clone(), function);
        assert!(!mistakes.names().is_empty(), "{options}");
        assert!(code.to_string().contains("fn research"), "{options}");
    }
}

#[test]
fn what_is_computed_may_have_commas_and_variables_of_its_own() {
    let (code, mistakes) = component(
        quote!(
            timeout = limits::<Fast, Slow>(1, 2),
            retry = {
                let topic = 3;
                policy(topic)
            },
            version = 2,
        ),
        quote! {
            async fn research(topic: String) -> gensx::Result<String> { Ok(topic) }
        },
    );
    assert_eq!(mistakes.names(), [""; 0]);
    assert!(code.to_string().contains(". timeout (limits :: < Fast , Slow > (1 , 2))"), "{code}");
}
