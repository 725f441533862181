-- What is missing of 20261130T020615Z-ro32ra33rxz7 of main in postgres@127.0.0.1:46703/northwind_t.
-- Names and statements are the database's own: read them before you run them, by a psql that knows \restrict (17.6, 16.10, 15.14 or later).
\encoding UTF8
\restrict fbedda930dab4341538e35e4471b2bc9
SET standard_conforming_strings = on;
SET search_path = '';

-- fk constraint fk_order_details_orders on public.order_details: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.order_details
    ADD CONSTRAINT fk_order_details_orders FOREIGN KEY (order_id) REFERENCES public.orders(order_id);

-- fk constraint fk_order_details_products on public.order_details: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.order_details
    ADD CONSTRAINT fk_order_details_products FOREIGN KEY (product_id) REFERENCES public.products(product_id);

\unrestrict fbedda930dab4341538e35e4471b2bc9
