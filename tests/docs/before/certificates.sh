# What the page has its reader install: the test bed has it.
PATH="$DOCS_TESTBED/attestations/bin:$PATH"
