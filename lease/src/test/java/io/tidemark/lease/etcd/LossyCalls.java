package io.tidemark.lease.etcd;

import io.etcd.jetcd.api.TxnRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.tidemark.lease.LeaserTestBed.Loss;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/** Loses writing transactions, or their answers, between the client and a real server. */
final class LossyCalls implements ClientInterceptor {
  private static final Status CUT = Status.UNAVAILABLE.withDescription("cut by the test");

  private final Queue<Runnable> late = new ConcurrentLinkedQueue<>();
  private volatile Loss loss = Loss.NOTHING;

  void lose(Loss next) {
    loss = next;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    ClientCall<Q, A> call = next.newCall(method, options);
    return loss != Loss.NOTHING && method.getFullMethodName().endsWith("KV/Txn")
        ? new LossyCall<>(
            call,
            loss,
            message ->
                late.add(() -> ClientCalls.blockingUnaryCall(next, method, options, message)))
        : call;
  }

  void deliverLate() {
    while (!late.isEmpty()) {
      try {
        late.remove().run();
      } catch (StatusRuntimeException e) {
        // Refused: as good as not carried out.
      }
    }
  }

  private static final class LossyCall<Q, A> extends SimpleForwardingClientCall<Q, A> {
    private final Loss loss;
    private final Consumer<Q> keep;
    private boolean writes;

    LossyCall(ClientCall<Q, A> call, Loss loss, Consumer<Q> keep) {
      super(call);
      this.loss = loss;
      this.keep = keep;
    }

    @Override
    public void start(Listener<A> given, Metadata headers) {
      super.start(
          new SimpleForwardingClientCallListener<>(given) {
            @Override
            public void onMessage(A message) {
              if (!writes) {
                super.onMessage(message);
              }
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
              super.onClose(writes ? CUT : status, trailers);
            }
          },
          headers);
    }

    @Override
    public void sendMessage(Q message) {
      writes = message instanceof TxnRequest request && request.getCompareCount() > 0;
      if (writes && loss == Loss.LATE) {
        keep.accept(message);
      }
      if (writes && loss != Loss.ANSWER) {
        cancel("lost by the test", null);
      } else {
        super.sendMessage(message);
      }
    }
  }
}
