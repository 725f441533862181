-- What is missing of 20261130T020541Z-hyftxjncj6jp of main in postgres@127.0.0.1:46703/pagila_t.
-- Names and statements are the database's own: read them before you run them, by a psql that knows \restrict (17.6, 16.10, 15.14 or later).
\encoding UTF8
\restrict 9b71124f1f3532515e4729dc78464aa4
SET standard_conforming_strings = on;
SET search_path = '';

-- fk constraint rental_customer_id_fkey on public.rental: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.rental
    ADD CONSTRAINT rental_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customer(customer_id) ON UPDATE CASCADE ON DELETE RESTRICT;

-- fk constraint rental_inventory_id_fkey on public.rental: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.rental
    ADD CONSTRAINT rental_inventory_id_fkey FOREIGN KEY (inventory_id) REFERENCES public.inventory(inventory_id) ON UPDATE CASCADE ON DELETE RESTRICT;

-- fk constraint rental_staff_id_fkey on public.rental: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.rental
    ADD CONSTRAINT rental_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES public.staff(staff_id) ON UPDATE CASCADE ON DELETE RESTRICT;

\unrestrict 9b71124f1f3532515e4729dc78464aa4
