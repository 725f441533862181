mod documents;
mod plans;
