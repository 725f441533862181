-- What is missing of 20261130T020555Z-mngvixunm74e of main in postgres@127.0.0.1:46703/chinook_t.
-- Names and statements are the database's own: read them before you run them, by a psql that knows \restrict (17.6, 16.10, 15.14 or later).
\encoding UTF8
\restrict f9f61ac61ca0be744beda6af4bb688a5
SET standard_conforming_strings = on;
SET search_path = '';

-- fk constraint playlist_track_playlist_id_fkey on public.playlist_track: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.playlist_track
    ADD CONSTRAINT playlist_track_playlist_id_fkey FOREIGN KEY (playlist_id) REFERENCES public.playlist(playlist_id);

-- fk constraint playlist_track_track_id_fkey on public.playlist_track: it was not asked for, and nothing that was asked for needs it
ALTER TABLE ONLY public.playlist_track
    ADD CONSTRAINT playlist_track_track_id_fkey FOREIGN KEY (track_id) REFERENCES public.track(track_id);

\unrestrict f9f61ac61ca0be744beda6af4bb688a5
