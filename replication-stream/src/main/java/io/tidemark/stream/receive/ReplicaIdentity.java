package io.tidemark.stream.receive;

import io.tidemark.stream.Id;

/**
 * Who follows a primary.
 *
 * @param processNonce of the running process
 * @param advertiseUrl where this node is reached, may be empty
 */
public record ReplicaIdentity(Id nodeId, Id incarnation, Id processNonce, String advertiseUrl) {}
