package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.tidemark.database.LogPosition;
import io.tidemark.ltx.LtxException;
import io.tidemark.node.NodeState;
import io.tidemark.node.halt.HaltJson;
import io.tidemark.node.halt.HaltRefusedException;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import io.tidemark.node.halt.Halts;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** The paths of the halt lock. */
final class HaltRoutes {
  private final NodeState node;

  HaltRoutes(NodeState node) {
    this.node = node;
  }

  Action take(Map<String, List<String>> parameters) throws ApiException {
    String name = Routes.name(parameters);
    String id = id(parameters, "id");
    return new Action.Answer(() -> answer(() -> HaltJson.of(node.halts().take(name, id))));
  }

  Action release(Map<String, List<String>> parameters) throws ApiException {
    String name = Routes.name(parameters);
    String id = id(parameters, "id");
    return new Action.Answer(
        () ->
            answer(
                () -> {
                  if (!node.halts().release(name, id)) {
                    throw new HaltRefusedException(
                        Reason.NOT_HELD, id + " does not hold the halt lock of " + name);
                  }
                  return Json.object("released", name);
                }));
  }

  Action commit(Map<String, List<String>> parameters) throws ApiException {
    Halts.Transaction transaction =
        new Halts.Transaction(
            Routes.name(parameters),
            id(parameters, "lockID"),
            number(parameters, "epoch", 10),
            number(parameters, "seq", 10),
            new LogPosition(
                number(parameters, "baseEpoch", 10),
                number(parameters, "baseTxid", 16),
                number(parameters, "baseChecksum", 16)));
    return new Action.Take(
        file -> answer(() -> HaltJson.of(node.halts().commit(transaction, file))));
  }

  private interface Work {
    Object run() throws HaltRefusedException, IOException;
  }

  private static Reply answer(Work work) throws IOException, ApiException {
    try {
      return Reply.ok(work.run());
    } catch (HaltRefusedException e) {
      return Reply.json(
          statusOf(e.reason()),
          Json.object(
              "error", e.getMessage(), "hint", hintOf(e.reason()), "reason", e.reason().name()));
    } catch (LtxException e) {
      throw Routes.badRequest(
          "the body is no LTX file: " + e.getMessage(), "Send it again, it was damaged.");
    }
  }

  private static HttpResponseStatus statusOf(Reason reason) {
    return switch (reason) {
      case UNKNOWN -> HttpResponseStatus.NOT_FOUND;
      case BUSY, NO_PRIMARY -> HttpResponseStatus.SERVICE_UNAVAILABLE;
      case HELD, NOT_HELD, NOT_NEXT -> HttpResponseStatus.CONFLICT;
    };
  }

  private static String hintOf(Reason reason) {
    return switch (reason) {
      case HELD -> "Wait until it is given back or expires.";
      case NOT_HELD -> "Take it again with POST /halt, and renew it before it expires.";
      case NOT_NEXT -> "Nothing was changed; take the halt lock anew.";
      case BUSY -> "Try again when that program has ended its transaction.";
      case UNKNOWN -> "Create the database on the primary first.";
      case NO_PRIMARY -> "Check lease.advertise-url of this replica.";
    };
  }

  private static String id(Map<String, List<String>> parameters, String key) throws ApiException {
    String id = only(parameters, key);
    if (!id.matches("[0-9a-f]{16}")) {
      throw Routes.badRequest(
          "the parameter " + key + " is no id", "An id is 16 hex digits in lower case.");
    }
    return id;
  }

  private static long number(Map<String, List<String>> parameters, String key, int radix)
      throws ApiException {
    try {
      return Long.parseUnsignedLong(only(parameters, key), radix);
    } catch (NumberFormatException e) {
      throw Routes.badRequest("the parameter " + key + " is no number", "See the API's list.");
    }
  }

  private static String only(Map<String, List<String>> parameters, String key) throws ApiException {
    List<String> values = parameters.getOrDefault(key, List.of());
    if (values.size() != 1) {
      throw Routes.badRequest(
          "the parameter " + key + " is " + (values.isEmpty() ? "missing" : "given twice"),
          "Give it once.");
    }
    return values.get(0);
  }
}
