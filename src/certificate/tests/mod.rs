mod chain;
mod contents;
mod forged;
mod page;
mod scene;
