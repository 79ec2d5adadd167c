package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.tidemark.node.NodeState;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.RoleChangeException;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** The paths that change who is primary. */
final class RoleRoutes {
  private final NodeState node;

  RoleRoutes(NodeState node) {
    this.node = node;
  }

  Action handOff(Map<String, List<String>> parameters) throws ApiException {
    ClusterControl cluster = cluster();
    String nodeId = optional(parameters, "nodeID");
    if (nodeId != null && !nodeId.matches("[0-9a-f]{16}")) {
      throw Routes.badRequest(
          "the parameter nodeID is no node's id",
          "An id is 16 hex digits in lower case; GET /status of the primary lists the replicas.");
    }
    return new Action.Answer(() -> answer(() -> cluster.handOff(nodeId)));
  }

  Action promote(Map<String, List<String>> parameters) throws ApiException {
    ClusterControl cluster = cluster();
    String force = optional(parameters, "force");
    if (force != null && !force.equals("true") && !force.equals("false")) {
      throw Routes.badRequest("the parameter force is neither true nor false", "Leave it out.");
    }
    return new Action.Answer(
        () -> answer("true".equals(force) ? cluster::force : cluster::promote));
  }

  private ClusterControl cluster() throws ApiException {
    ClusterControl cluster = node.cluster();
    if (cluster == null) {
      throw new ApiException(
          HttpResponseStatus.CONFLICT,
          "the lease is static: the configuration alone says who is primary",
          "Use lease.type etcd, consul or kubernetes for a primary that can change.");
    }
    return cluster;
  }

  private interface Work {
    String run() throws RoleChangeException, IOException;
  }

  private static Reply answer(Work work) throws IOException, ApiException {
    try {
      return Reply.ok(Json.object("primary", work.run()));
    } catch (RoleChangeException e) {
      throw new ApiException(HttpResponseStatus.CONFLICT, e.getMessage(), e.hint());
    }
  }

  private static String optional(Map<String, List<String>> parameters, String key)
      throws ApiException {
    List<String> values = parameters.getOrDefault(key, List.of());
    if (values.size() > 1) {
      throw Routes.badRequest("the parameter " + key + " is given twice", "Give it once.");
    }
    return values.isEmpty() ? null : values.get(0);
  }
}
