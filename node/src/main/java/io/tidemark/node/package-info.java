/**
 * The program: command line, configuration, admin API and the wiring of all modules.
 *
 * <p>Sub-packages: {@code config} reads the YAML file, {@code run} is the node itself, {@code http}
 * the API, {@code cli} the commands, {@code ltx} the tools for LTX files, {@code bench} the
 * benchmark, {@code log} and {@code json} the small formats everything else needs. Nothing here
 * knows SQLite's formats or the FUSE protocol.
 */
package io.tidemark.node;
