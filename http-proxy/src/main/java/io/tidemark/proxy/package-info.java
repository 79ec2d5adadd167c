/**
 * The HTTP/1.1 reverse proxy before an application that uses the mount. It reads a request strictly
 * ({@link io.tidemark.proxy.RequestDecoder}, {@link io.tidemark.proxy.RequestChecks}), decides
 * where it goes ({@link io.tidemark.proxy.Routing}), waits for what its client has seen or for
 * somebody who may write ({@link io.tidemark.proxy.Exchange}), and passes both bodies on without
 * keeping them. What it has to know of databases and of the cluster it asks through small
 * interfaces: {@link io.tidemark.proxy.LocalPositions}, {@link io.tidemark.proxy.Primaries}.
 */
package io.tidemark.proxy;
