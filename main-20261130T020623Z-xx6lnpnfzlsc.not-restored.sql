-- What is missing of 20261130T020623Z-xx6lnpnfzlsc of main in postgres@127.0.0.1:46703/french_t.
-- Names and statements are the database's own: read them before you run them, by a psql that knows \restrict (17.6, 16.10, 15.14 or later).
\encoding UTF8
\restrict 6e19ca27d98f664131e9eeb089388c62
SET standard_conforming_strings = on;
SET search_path = '';

-- fk constraint towns_department_fkey on public.towns: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.towns
    ADD CONSTRAINT towns_department_fkey FOREIGN KEY (department) REFERENCES public.departments(code);

\unrestrict 6e19ca27d98f664131e9eeb089388c62
