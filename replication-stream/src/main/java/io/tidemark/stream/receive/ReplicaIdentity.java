package io.tidemark.stream.receive;

import io.tidemark.stream.Id;

/**
 * Who follows a primary.
 *
 * @param processNonce of the running process
 * @param token drawn for its last admission to the in-sync set, {@link Id#NONE} if there was none
 * @param recordVersion newest version of the cluster record that it knows of, 0 if none
 * @param advertiseUrl where this node is reached, may be empty
 */
public record ReplicaIdentity(
    Id nodeId,
    Id incarnation,
    Id processNonce,
    Id token,
    long recordVersion,
    String advertiseUrl) {}
