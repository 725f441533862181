//! Types that are a text in JSON, as the document of the dashboard's API describes them.

/// Describes a type that is a text in JSON, with what it means and, where it has one, its form.
macro_rules! text_schema {
    ($type:ty, $description:literal $(, $pattern:literal)?) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($description))
                    $(.pattern(Some($pattern)))?
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {}
    };
}

pub(crate) use text_schema;
