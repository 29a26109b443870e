//! Which hosts are alive, judged from echoes.
