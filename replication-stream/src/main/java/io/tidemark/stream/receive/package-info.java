/** The replica's side of the stream: the connection to the primary, and what comes through it. */
package io.tidemark.stream.receive;
