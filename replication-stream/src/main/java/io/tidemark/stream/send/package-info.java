/** The primary's side of the stream: what each replica is sent, and what it has acknowledged. */
package io.tidemark.stream.send;
