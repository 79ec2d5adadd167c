/**
 * Tests of the whole program: a real mount, real SQLite, real kills. Nothing here knows how the
 * program works inside; it uses the command line, the mount and the reader of the log.
 *
 * <p>{@link io.tidemark.it.TidemarkProcess} starts and stops the program, {@link
 * io.tidemark.it.Workbench} gives each test its directories and keeps the evidence of a failed one,
 * {@link io.tidemark.it.LogFold} rebuilds databases from their log with code of its own.
 */
package io.tidemark.it;
