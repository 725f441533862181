# An app as most are: everything in the schema public, owned by one role.
createdb app
psql --quiet --dbname app --command 'create table orders (id int primary key); insert into orders select generate_series(1, 1000)'
export DOCS_DATABASE_URL=${DOCS_DATABASE_URL%/shop}/app
