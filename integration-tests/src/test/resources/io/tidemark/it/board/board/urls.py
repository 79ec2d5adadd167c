from django.contrib.auth.views import LoginView
from django.urls import path

from . import views

urlpatterns = [
    path("", views.index, name="index"),
    path("login/", LoginView.as_view(), name="login"),
    path("accounts/login/", LoginView.as_view()),
    path("add/", views.add, name="add"),
    path("notes/<slug:slug>/", views.show, name="note"),
    path("notes/<slug:slug>/file", views.download, name="download"),
]
