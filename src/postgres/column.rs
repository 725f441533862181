//! Reads columns of a query's result, which arrive as text.

/// A type that a column's text can be parsed as.
pub(super) trait Column: Sized {
    fn read(text: Option<&str>) -> Option<Self>;
}

impl Column for String {
    fn read(text: Option<&str>) -> Option<Self> {
        text.map(str::to_owned)
    }
}

impl Column for bool {
    fn read(text: Option<&str>) -> Option<Self> {
        text.map(|text| text == "t")
    }
}

impl Column for i32 {
    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl Column for i64 {
    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl Column for u32 {
    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl Column for u64 {
    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl<T: Column> Column for Option<T> {
    fn read(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(None),
            some => T::read(some).map(Some),
        }
    }
}
