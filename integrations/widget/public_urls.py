from django.urls import path

from . import api, frame

app_name = "widget"

urlpatterns = [
    path("js/integrations/<str:integration>/script.js", frame.script, name="script"),
    path("widget/v1/files/<str:digest>/<str:name>", frame.file, name="file"),
    path("widget/v1/frame", frame.frame, name="frame"),
    path("widget/v1/token", api.token, name="token"),
    path("widget/v1/home", api.home, name="home"),
    path("widget/v1/codes", api.codes, name="codes"),
    path("widget/v1/history", api.history, name="history"),
    path("widget/v1/redeem", api.redeem, name="redeem"),
    path("widget/v1/join", api.join, name="join"),
    path("widget/v1/birthday", api.birthday, name="birthday"),
]
