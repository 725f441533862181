-- What is missing of 20261130T020645Z-vjoydd3bhcau of main in postgres@127.0.0.1:46703/iso_t.
-- Names and statements are the database's own: read them before you run them, by a psql that knows \restrict (17.6, 16.10, 15.14 or later).
\encoding UTF8
\restrict f91e790e146662f71961d806c2c070d0
SET standard_conforming_strings = on;
SET search_path = '';

-- fk constraint subcountry_country_fkey on public.subcountry: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.subcountry
    ADD CONSTRAINT subcountry_country_fkey FOREIGN KEY (country) REFERENCES public.country(two_letter);

\unrestrict f91e790e146662f71961d806c2c070d0
