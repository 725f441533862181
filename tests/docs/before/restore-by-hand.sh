# The page is printed with the recovery sheet, so nothing may stand in it that its reader has no use for.
pgcoffer backup -q
pgcoffer get latest --sealed -q -o sealed.pgc
createdb restored
export SEALED=sealed.pgc TARGET=restored
