use super::*;

#[tokio::test]
async fn a_component_is_called_without_any_runtime() {
    assert_eq!(research("x".to_owned()).await.unwrap().len(), 2);
    let error = research("secrets".to_owned()).await.unwrap_err();
    assert_eq!(error.find::<SearchError>(), Some(&SearchError::Forbidden("secrets".to_owned())));
}
