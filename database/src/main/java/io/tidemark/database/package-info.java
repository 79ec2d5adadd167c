/**
 * What happens to a SQLite database between the file system and the disk: capture of transactions,
 * the log, recovery, export and import. Knows SQLite's file formats; knows nothing of FUSE, HTTP or
 * other nodes.
 */
package io.tidemark.database;
