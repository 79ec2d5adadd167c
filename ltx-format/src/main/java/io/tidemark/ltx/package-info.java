/**
 * The LTX file format: reading, writing and merging transaction files, and the checksums they
 * carry. Byte buffers, checksums and identifiers belong here; FORMAT.md in this module describes
 * every byte. Files, networks, SQLite and the life of a database do not belong here.
 */
package io.tidemark.ltx;
