package io.tidemark.proxy;

/** What is to become of a request. */
enum Route {
  /** To the application of this node, whatever its role, with nothing waited for. */
  PASSTHROUGH,
  /** The proxy answers how it is. */
  HEALTH,
  /** To the application of this node when it has what the client has seen. */
  READ,
  /** To the application of the node that may write. */
  WRITE
}
